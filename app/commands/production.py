"""export-batch, verify-batch, import-roster, import-photos, purge."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask

from app.commands.database import uses_database
from app.rules.faults import Fault

KIND = click.Choice(["chsi", "diploma"])


def register(app: Flask) -> None:
    """Add the commands."""
    for command in (export_batch, verify_batch, import_roster, import_photos, purge):
        app.cli.add_command(command)


@click.command("export-batch")
@click.option("--kind", type=KIND, help="chsi: the ZIP for 学信网; diploma: folders and sheets for the press.")
@click.option("--school", help="School code.")
@click.option("--campaign", help="Campaign code (特征码).")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder; default instance/batches. What is written elsewhere is yours to keep and to delete.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be exported and what would go wrong; write nothing.")
@click.option("--batch", "number", help="Build this batch again: the same bytes.")
@uses_database
def export_batch(
    kind: str | None, school: str | None, campaign: str | None, out: Path | None, dry_run: bool, number: str | None
) -> None:
    """Export approved orders: one batch per campaign."""
    from app.services import batches

    if not number and not kind:
        raise click.UsageError("give --kind chsi or --kind diploma, or --batch NUMBER")
    try:
        if number:
            _build(number, out)
        elif dry_run:
            _preview(str(kind), school, campaign)
        else:
            numbers = [batch.number for batch in batches.unfinished(str(kind), school, campaign)]
            numbers += [batch.number for batch in batches.export(str(kind), school, campaign, batches.PRODUCER)]
            failed = [one for one in numbers if not _built(one, out)]
            if not numbers:
                click.echo("Nothing to export.")
            if failed:
                sys.exit(1)
    except Fault as fault:
        raise click.ClickException(fault.sentence % fault.values) from None


def _built(number: str, out: Path | None) -> bool:
    """Build one of several: what stops one batch does not stop the others."""
    try:
        _build(number, out)
    except click.ClickException as error:
        click.echo(f"Error: {error.message}", err=True)
        return False
    return True


def _build(number: str, out: Path | None) -> None:
    from tqdm import tqdm

    from app.export.pictures import SourceChanged
    from app.services import batches

    batch = batches.by_number(number)
    batch_id, before = batch.id, batch.sha256
    with tqdm(total=0, unit="file", disable=None, file=sys.stderr, desc=number) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            path = batches.build(batch_id, progress, out)
        except SourceChanged as error:
            raise click.ClickException(f"{number}: {error}; recall that order and export again") from None
    done = batches.by_number(number)
    same = "" if before is None else " (the same bytes as before)" if before == done.sha256 else " (DIFFERENT bytes)"
    click.echo(f"{number}: {done.done_items} photos in {path}{same}")


def _preview(kind: str, school: str | None, campaign: str | None) -> None:
    from app.services import batches

    for one in batches.campaigns_to_export(kind, school, campaign):
        found = batches.preview(one, kind)
        click.echo(f"{one.code}: {found.count} to export, {len(found.problems) or 'nothing'} to look at")
        for problem in found.problems:
            weight, orders = "stops the export" if problem.stops else "note", ", ".join(problem.orders)
            detail = f" ({problem.detail})" if problem.detail else ""
            click.echo(f"  {weight}: {problem.kind}: {problem.sentence}{detail}: {orders}")


@click.command("verify-batch")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--key", "fingerprint", help="The signing key's fingerprint, as on the delivery note.")
def verify_batch(path: Path, fingerprint: str | None) -> None:
    """Check a batch: a ZIP or a folder. Names everything that differs."""
    from app.export.verify import is_fingerprint, verify

    if fingerprint is not None and not is_fingerprint(fingerprint):
        raise click.BadParameter(
            "a fingerprint is 64 digits 0-9 and letters a-f, as on the delivery note", param_hint="--key"
        )
    found = verify(path, fingerprint)
    for problem in found.problems:
        click.echo(_shown(problem))
    if found.problems:
        count = len(found.problems)
        click.echo(f"{path}: {count} {'problem' if count == 1 else 'problems'}", err=True)
        sys.exit(1)
    known = "" if fingerprint else "; compare the key with the delivery note"
    click.echo(
        f"{path}: {_shown(found.number)}, {found.count} photos, everything as signed by {found.fingerprint}{known}"
    )


def _shown(text: str) -> str:
    """A text out of a file of others, harmless on a terminal: what is no visible character is written out."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


@click.command("import-roster")
@click.argument("campaign")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Read and report, write nothing.")
@uses_database
def import_roster(campaign: str, file: Path, dry_run: bool) -> None:
    """Import the list of expected students (XLSX or CSV) of a campaign; again updates it."""
    from tqdm import tqdm

    from app.services.schools import rosters

    with tqdm(unit="row", disable=None, file=sys.stderr) as bar:
        try:
            result = rosters.import_file(
                campaign, file, dry_run=dry_run, progress=lambda done: bar.update(done - bar.n)
            )
        except Fault as fault:
            raise click.ClickException(fault.sentence % fault.values) from None
    for row, problem in result.problems:
        click.echo(f"row {row}: {problem}")
    verb = "would be" if dry_run else "were"
    click.echo(
        f"{result.rows} rows: {result.added} {verb} added, {result.changed} changed, "
        f"{len(result.problems)} passed over."
    )
    sys.exit(1 if result.problems else 0)


@click.command("import-photos")
@click.argument("campaign")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--map", "mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV: file,student_no"
)
@uses_database
def import_photos(campaign: str, folder: Path, mapping: Path | None) -> None:
    """Import a studio's photos taken on site; the file name or a CSV map says whose each is. Can be run again."""
    from tqdm import tqdm

    from app.services.schools import onsite, studio_folder

    try:
        campaign_id = onsite.campaign(campaign).id
        named = onsite.read_map(mapping.read_bytes()) if mapping else {}
    except Fault as fault:
        raise click.ClickException(fault.sentence % fault.values) from None
    counts: dict[str, int] = {}
    for path in tqdm(studio_folder.files(folder), unit="photo", disable=None, file=sys.stderr):
        taken = onsite.take(campaign_id, studio_folder.name_of(path), studio_folder.read(path), named)
        counts[taken.outcome] = counts.get(taken.outcome, 0) + 1
        if taken.cause:
            click.echo(f"{_shown(str(path.relative_to(folder)))}: {taken.outcome}: {taken.cause}")
    click.echo(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "No photos found.")
    if counts.get(onsite.UNMATCHED):
        click.echo(f"Unmatched photos wait in the console: /onsite/{campaign}")
    sys.exit(1 if counts.get(onsite.REFUSED) else 0)


@click.command("purge")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted.")
@uses_database
def purge(dry_run: bool) -> None:
    """Delete what is past its retention."""
    from app.services.upkeep import retention

    accounts = retention.accounts()
    found = retention.purge(dry_run=dry_run)
    verb = "would go" if dry_run else "deleted"
    for one in found:
        click.echo(
            f"{one.code}: {one.orders} orders with {one.photos} photos and {one.codes} codes, {one.batches} batches, "
            f"{one.roster} roster entries, {one.studio} studio photos {verb}"
            + (f"; {one.live} live orders stay" if one.live else "")
        )
        for path in one.copies:
            click.echo(f"  written with --out, for you to delete: {_shown(path)}")
    if accounts:
        click.echo(f"{accounts} accounts that nothing is left of {verb}")
    if not found and not accounts:
        click.echo("Nothing is past its retention.")
