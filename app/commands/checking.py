"""precheck, code-read: the checker on the command line. Uses all cores, keeps order, goes on after a broken file."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import click
from flask import Flask

from app.rules.messages import LABELS, sentence
from app.rules.photo_rule import ANY, load_rule, load_rule_body
from app.rules.report import Check, CheckVerdict, Report, Verdict

if TYPE_CHECKING:
    from workers.checker import Checker

Answer = TypeVar("Answer")

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")
_COLOURS = {Verdict.PASSED: "green", Verdict.REVIEW: "yellow", Verdict.FAILED: "red"}


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(precheck)
    app.cli.add_command(code_read)


@click.command("precheck")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--rule", "rule_code", default="chsi-2017", show_default=True, help="A shipped photo rule.")
@click.option("--background", default=ANY, show_default=True, help="blue, white, grey, or any: the nearest of them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def precheck(paths: tuple[Path, ...], rule_code: str, background: str, as_json: bool) -> None:
    """Check photos or folders of photos under a rule."""
    try:
        rule = load_rule(rule_code)
    except FileNotFoundError:
        raise click.BadParameter(f"there is no rule {rule_code!r}", param_hint="--rule") from None
    if background != ANY and background not in rule.backgrounds:
        raise click.BadParameter(f"takes {', '.join(rule.backgrounds)} or {ANY}", param_hint="--background")
    body = load_rule_body(rule_code)
    files, passed_over = _files(paths)

    def look(checker: Checker, path: Path) -> tuple[Report, float]:
        start = time.perf_counter()
        return _looked_at(checker, path, body, background), (time.perf_counter() - start) * 1000

    bad = 0
    for path, (report, ms) in _all_cores(files, look):
        bad += report.verdict is Verdict.FAILED
        click.echo(_json_line(path, report, ms) if as_json else _lines(path, report))
    click.echo(f"{len(files)} checked, {bad} failed, {passed_over} other files passed over.", err=True)
    sys.exit(1 if bad else 0)


@click.command("code-read")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def code_read(paths: tuple[Path, ...], as_json: bool) -> None:
    """Read collection-code pictures or folders of them."""
    from workers.checker import CheckerCrashed, CheckerFailed, CheckerHung, CheckerLost, CheckerStarved
    from workers.outcome import CodeReading

    def look(checker: Checker, path: Path) -> CodeReading:
        try:
            return checker.read_code(path)
        except (CheckerHung, CheckerCrashed, CheckerFailed):
            return CodeReading(None, "unreadable_file")
        except CheckerStarved:
            return CodeReading(None, "unavailable")
        except CheckerLost as error:
            raise click.ClickException(str(error)) from None

    files, passed_over = _files(paths)
    bad = 0
    for path, reading in _all_cores(files, look):
        bad += reading.payload is None
        encoded = base64.b64encode(reading.payload).decode() if reading.payload is not None else None
        line = {
            "file": str(path),
            "payload": reading.text,
            "payload_base64": encoded,
            "fault": reading.fault,
            "ms": round(reading.ms, 1),
        }
        click.echo(json.dumps(line, ensure_ascii=False) if as_json else f"{path}: {reading.fault or reading.text!r}")
    click.echo(f"{len(files)} looked at, {bad} not read, {passed_over} other files passed over.", err=True)
    sys.exit(1 if bad else 0)


def _files(paths: tuple[Path, ...]) -> tuple[list[Path], int]:
    """Named files whatever they are called; in folders the pictures, and how many others were passed over."""
    files, others = [], 0
    for path in paths:
        if path.is_file():
            files.append(path)
            continue
        for inside in sorted(found for found in path.rglob("*") if found.is_file()):
            if inside.suffix.lower() in PICTURES:
                files.append(inside)
            else:
                others += 1
    return files, others


def _all_cores(files: list[Path], look: Callable[[Checker, Path], Answer]) -> Iterator[tuple[Path, Answer]]:
    """Look at every file with one checker child per core; answers in the files' order, progress on a terminal."""
    from tqdm import tqdm

    from workers.checker import Checker

    count = max(1, min(len(os.sched_getaffinity(0)), len(files)))
    free: SimpleQueue[Checker] = SimpleQueue()
    checkers = [Checker() for _ in range(count)]
    for checker in checkers:
        free.put(checker)

    def run(path: Path) -> Answer:
        checker = free.get()
        try:
            return look(checker, path)
        finally:
            free.put(checker)

    try:
        with ThreadPoolExecutor(count) as pool:
            answers = tqdm(pool.map(run, files), total=len(files), unit="file", disable=None, file=sys.stderr)
            yield from zip(files, answers, strict=True)
    finally:
        for checker in checkers:
            checker.stop()


def _looked_at(checker: Checker, path: Path, body: dict[str, Any], background: str) -> Report:
    from workers.checker import CheckerCrashed, CheckerFailed, CheckerHung, CheckerLost, CheckerStarved

    try:
        return checker.check(path.resolve(), body, background).report
    except (CheckerHung, CheckerCrashed, CheckerFailed):
        lost = Check("file_readable", CheckVerdict.FAIL, fault="crashed")
        return Report(str(body["code"]), background, 0, 0, (lost,))
    except CheckerStarved:
        unseen = Check("machine", CheckVerdict.SKIPPED, fault="unavailable")
        return Report(str(body["code"]), background, 0, 0, (unseen,))
    except CheckerLost as error:
        raise click.ClickException(str(error)) from None


def _json_line(path: Path, report: Report, ms: float) -> str:
    checks = [
        {
            "code": check.code,
            "verdict": check.verdict.value,
            "value": check.value,
            "unit": check.unit,
            "low": check.low,
            "high": check.high,
            "region": list(check.region) if check.region else None,
            "message": _message(check),
        }
        for check in report.checks
    ]
    line = {
        "file": str(path),
        "rule": report.rule,
        "verdict": report.verdict.value,
        "checks": checks,
        "crop": list(report.crop) if report.crop else None,
        "ms": round(ms, 1),
    }
    return json.dumps(line, ensure_ascii=False)


def _message(check: Check) -> str:
    if check.verdict in (CheckVerdict.PASS, CheckVerdict.SKIPPED):
        return ""
    key, values = sentence(check)
    return key % values


def _lines(path: Path, report: Report) -> str:
    found = [check for check in report.checks if check.verdict in (CheckVerdict.FAIL, CheckVerdict.WARN)]
    head = click.style(report.verdict.value, fg=_COLOURS[report.verdict])
    rest = [f"    {check.verdict.value:4} {LABELS.get(check.code, check.code)}: {_message(check)}" for check in found]
    return "\n".join([f"{path}: {head}", *rest])
