"""Asking the machine to look at a photo, and keeping what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.storage import storage
from app.extensions import db
from app.models import CheckState, Exemption, Order, Photo, PhotoCheck, PhotoHash
from app.rules.likeness import Look
from app.rules.report import Check, CheckVerdict, Report, Verdict, fold
from app.services.photos.duplicates import duplicate_check
from app.services.transitions import touch
from app.services.unit import Unit, unit_of_work

DEADLINE = timedelta(seconds=90)
"""A check that has not come back by then is lost: its worker or machine died."""

STARTS_ALLOWED = 5
"""After so many attempts without a working checker a person looks instead."""

CRASHES_ALLOWED = 2
"""After so many crashes the file itself is the likely cause."""


EXTRAS = ("preview.jpg", "before.jpg", "alpha.png", "mask.png", "wall.png")
"""Files beside an original that a check leaves: what pages show, and what a painted background was made from."""


@dataclass(frozen=True)
class Finding:
    """What the checker child returns, as the service needs it."""

    report: Report
    rendition: bytes | None
    rendition_sha256: str | None
    preview: bytes | None
    pixel_sha256: str | None
    looks: Sequence[Look]
    checker_version: str
    before: bytes | None = None
    alpha: bytes | None = None
    mask: bytes | None = None
    wall: bytes | None = None


def finding(outcome: Any) -> Finding:
    """What a checker's outcome (workers.outcome) means to this service; the pictures as they came."""
    return Finding(
        report=outcome.report,
        rendition=outcome.rendition,
        rendition_sha256=outcome.rendition_sha256,
        preview=outcome.preview,
        pixel_sha256=outcome.pixel_sha256,
        looks=outcome.looks,
        checker_version=outcome.checker_version,
        before=outcome.before,
        alpha=outcome.alpha,
        mask=outcome.mask,
        wall=outcome.wall,
    )


def queue_check(unit: Unit, photo: Photo) -> None:
    """Have `photo` checked once this unit is kept."""
    db.session.flush()
    photo_id, attempt = photo.id, photo.attempt
    unit.after_commit(lambda: enqueue_check(photo_id, attempt))


def enqueue_check(photo_id: int, attempt: int) -> bool:
    """Put the job on the queue; the attempt is part of its id, so a requeued photo is not refused as a repeat."""
    return enqueue("precheck", "precheck.check_photo", photo_id, job_id=f"precheck-{photo_id}-{attempt}")


def claim(photo_id: int) -> Photo | None:
    """Take a waiting photo for checking; None when another worker has it or it is done. Makes the job repeatable."""
    with unit_of_work():
        taken = db.session.execute(
            update(Photo)
            .where(Photo.id == photo_id, Photo.check_state == CheckState.QUEUED.value)
            .values(check_state=CheckState.RUNNING.value, attempt=Photo.attempt + 1, started_at=now())
        )
        mine = taken.rowcount == 1  # type: ignore[attr-defined]
    return db.session.get(Photo, photo_id) if mine else None


def keep(photo_id: int, attempt: int, finding: Finding) -> None:
    """Store a finding. A late answer of an attempt that was given up is dropped.

    Files are written before the row that names them, so a crash in between leaves an unused file, never a dead name.
    """
    photo = db.session.get_one(Photo, photo_id)
    stem = photo.original_key.removesuffix("-original")
    if finding.rendition is not None:
        storage().put(f"{stem}-rendition.jpg", finding.rendition)
    pictures = (finding.preview, finding.before, finding.alpha, finding.mask, finding.wall)
    for name, data in zip(EXTRAS, pictures, strict=True):
        if data is not None:
            storage().put(f"{stem}-{name}", data)
    with unit_of_work():
        photo = db.session.get_one(Photo, photo_id)
        if photo.check_state != CheckState.RUNNING or photo.attempt != attempt:
            return
        photo.pixel_sha256 = finding.pixel_sha256
        photo.width, photo.height = finding.report.width, finding.report.height
        photo.checker_version = finding.checker_version
        photo.crop = list(finding.report.crop) if finding.report.crop else None
        photo.ruler = asdict(finding.report.ruler) if finding.report.ruler else None
        if finding.rendition is not None:
            photo.rendition_key, photo.rendition_sha256 = f"{stem}-rendition.jpg", finding.rendition_sha256
        _keep_hash(photo, finding.looks)
        checks = [c for c in finding.report.checks if c.code != "duplicate"]
        checks.append(duplicate_check(photo, finding.looks))
        _settle(photo, checks, CheckState.DONE)


def give_up(photo_id: int, attempt: int, cause: str) -> None:
    """The machine could not look (`machine` skipped): a person will, and the student is not stuck."""
    with unit_of_work():
        photo = db.session.get_one(Photo, photo_id)
        if photo.check_state == CheckState.RUNNING and photo.attempt == attempt:
            _settle(photo, [Check("machine", CheckVerdict.SKIPPED, fault=cause)], CheckState.GAVE_UP)


def again(photo_id: int, attempt: int) -> None:
    """No checker was to be had: the photo waits again, and after several attempts a person looks instead."""
    if attempt >= STARTS_ALLOWED:
        give_up(photo_id, attempt, "unavailable")
        return
    with unit_of_work() as unit:
        photo = db.session.get_one(Photo, photo_id)
        if photo.check_state == CheckState.RUNNING and photo.attempt == attempt:
            photo.check_state = CheckState.QUEUED.value
            queue_check(unit, photo)


def crashed(photo_id: int, attempt: int) -> None:
    """The child died on this photo: once more, and after the second time the file is refused with what to do."""
    with unit_of_work() as unit:
        photo = db.session.get_one(Photo, photo_id)
        if photo.check_state != CheckState.RUNNING or photo.attempt != attempt:
            return
        photo.crashes += 1
        if photo.crashes >= CRASHES_ALLOWED:
            _settle(photo, [Check("file_readable", CheckVerdict.FAIL, fault="crashed")], CheckState.DONE)
        else:
            photo.check_state = CheckState.QUEUED.value
            queue_check(unit, photo)


def requeue_lost() -> int:
    """Queue again what waits in the database: past its deadline, or queued without a job. Returns how many."""
    with unit_of_work() as unit:
        db.session.execute(
            update(Photo)
            .where(Photo.check_state == CheckState.RUNNING.value, Photo.started_at < now() - DEADLINE)
            .values(check_state=CheckState.QUEUED.value)
        )
        waiting = db.session.scalars(select(Photo).where(Photo.check_state == CheckState.QUEUED.value)).all()
        for photo in waiting:
            queue_check(unit, photo)
    return len(waiting)


def refold(photo: Photo) -> None:
    """Fold the verdict again after an exemption came or went; the picture is not looked at again. Inside a unit."""
    photo.verdict = fold(map(as_check, photo.checks), _exempt(photo)).value


def as_check(row: PhotoCheck) -> Check:
    """The pure record of a stored row."""
    region = tuple(row.region) if row.region else None
    return Check(
        row.code,
        CheckVerdict(row.verdict),
        row.value,
        row.unit,
        row.low,
        row.high,
        region,  # type: ignore[arg-type]
        row.fault,
        row.args or {},
    )


def _exempt(photo: Photo) -> list[str]:
    return list(db.session.scalars(select(Exemption.code).where(Exemption.order_id == photo.order_id)))


def _settle(photo: Photo, checks: list[Check], state: CheckState) -> None:
    db.session.execute(delete(PhotoCheck).where(PhotoCheck.photo_id == photo.id))
    db.session.expire(photo, ["checks"])
    for check in checks:
        values = asdict(check) | {"verdict": check.verdict.value, "args": dict(check.args)}
        values["region"] = list(check.region) if check.region else None
        db.session.add(PhotoCheck(photo_id=photo.id, **values))
    photo.verdict = fold(checks, _exempt(photo)).value
    photo.check_state = state.value
    photo.checked_at = now()
    if photo.order_id is not None:
        order = db.session.get_one(Order, photo.order_id)
        if order.photo_id == photo.id:
            touch(order)


def _keep_hash(photo: Photo, looks: Sequence[Look]) -> None:
    """The face's own hash; its neighbours are only looked for."""
    db.session.execute(delete(PhotoHash).where(PhotoHash.photo_id == photo.id))
    own = looks[0] if looks else ()
    db.session.add_all(PhotoHash(photo_id=photo.id, band=band, value=value) for band, value in enumerate(own))


def submittable(photo: Photo | None) -> bool:
    """Whether the student may submit this photo: passed or to be reviewed, or a person was asked to look."""
    if photo is None or not photo.settled:
        return False
    return photo.verdict in (Verdict.PASSED, Verdict.REVIEW) or photo.human_review_requested_at is not None
