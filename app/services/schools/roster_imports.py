"""A roster file on its way in from the console: kept, read, looked at by a person, then taken in the background."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.storage import storage
from app.extensions import db
from app.models import Campaign, ImportState, RosterImport, Staff
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotFound, TooLarge
from app.rules.text import N_
from app.services import audit
from app.services.schools import rosters
from app.services.schools.roster_files import COLUMNS, LARGEST, look, read_rows
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

LOST = timedelta(minutes=2)
"""A file that has not moved for so long has lost its job."""

KEPT = timedelta(days=2)
"""How long an unfinished file is kept."""

_WORKING = (ImportState.READING.value, ImportState.RUNNING.value)


def upload(campaign: Campaign, staff: Staff, data: bytes) -> RosterImport:
    """Keep a file and have it read. Raises Invalid for an empty one, TooLarge beyond 20 MB."""
    if not data:
        raise Invalid(fields={"roster": N_("请选择名单文件")})
    if len(data) > LARGEST:
        raise TooLarge(mb=LARGEST // 1024 // 1024)
    campaign_id = campaign.id
    key = f"rosters/{campaign_id}/{secrets.token_hex(12)}"
    storage().put(key, data)
    with unit_of_work() as unit:
        made = RosterImport(campaign_id=campaign_id, staff_id=staff.id, key=key)
        db.session.add(made)
        db.session.flush()
        audit.note(staff, "roster.uploaded", f"campaign-{campaign_id}")
        _queue(unit, made)
    return made


def _queue(unit: Unit, found: RosterImport) -> None:
    import_id, mark = found.id, int(found.touched_at.timestamp())
    unit.after_commit(lambda: enqueue("export", "roster.work", import_id, job_id=f"roster-{import_id}-{mark}"))


def find(campaign: Campaign, import_id: int) -> RosterImport:
    """A file of this campaign. Raises NotFound."""
    found = db.session.get(RosterImport, import_id)
    if found is None or found.campaign_id != campaign.id:
        raise NotFound
    return found


def recent(campaign: Campaign) -> Sequence[RosterImport]:
    """The last files of a campaign, the newest first."""
    query = select(RosterImport).where(RosterImport.campaign_id == campaign.id)
    return db.session.scalars(query.order_by(RosterImport.id.desc()).limit(10)).all()


def start(campaign: Campaign, import_id: int, columns: Mapping[str, str], *, dry_run: bool) -> RosterImport:
    """Have a read file taken, or tried. `columns`: by field the column's place, or nothing.

    Raises Invalid when no column is the student number or one column is two fields; ActionNotAllowed while it works.
    """
    with unit_of_work() as unit:
        found = db.session.get_one(RosterImport, find(campaign, import_id).id, with_for_update=True)
        if found.state in _WORKING or found.key is None:
            raise ActionNotAllowed(N_("这个文件正在处理或已经导入"))
        width = max(map(len, found.sample), default=0)
        given = {name: int(text) for name, text in columns.items() if text.isdecimal() and len(text) < 4}
        chosen = {name: column for name, column in given.items() if name in COLUMNS and column < width}
        if "student_no" not in chosen:
            raise Invalid(fields={"student_no": N_("请指定哪一列是学号")})
        if len(set(chosen.values())) < len(chosen):
            raise Invalid(fields={"student_no": N_("同一列不能用作两项")})
        found.columns, found.dry_run, found.state = chosen, dry_run, ImportState.RUNNING.value
        found.done, found.added, found.changed, found.problems, found.failure = 0, 0, 0, [], ""
        found.touched_at = now()
        _queue(unit, found)
    return found


def work(import_id: int) -> str:
    """What the job does: read the head of a new file, or take the rows. Harmless twice: rows match by number."""
    found = db.session.get(RosterImport, import_id)
    if found is None or found.key is None or found.state not in _WORKING:
        return "not waiting"
    reading = found.state == ImportState.READING
    try:
        (_read if reading else _take)(import_id)
    except (Fault, FileNotFoundError) as fault:
        sentence = fault.sentence if isinstance(fault, Fault) else N_("文件已被删除，请重新上传")
        log.warning("roster_refused import=%s error=%s", import_id, type(fault).__name__)
        with unit_of_work():
            row = db.session.get_one(RosterImport, import_id)
            row.state, row.failure, row.touched_at = ImportState.FAILED.value, sentence, now()
        return "failed"
    return "read" if reading else "taken"


def _read(import_id: int) -> None:
    with storage().local(db.session.get_one(RosterImport, import_id).key or "") as path:
        head = look(read_rows(path))
        total = sum(1 for row in read_rows(path) if any(row))
    with unit_of_work():
        row = db.session.get_one(RosterImport, import_id)
        row.head_row, row.sample, row.columns, row.total = head.row, head.sample, head.columns, total - 1
        row.state, row.touched_at = ImportState.READ.value, now()


def _take(import_id: int) -> None:
    row = db.session.get_one(RosterImport, import_id)
    campaign_id, columns, head_row, dry_run, key = row.campaign_id, row.columns, row.head_row, row.dry_run, row.key
    with storage().local(key or "") as path:
        result = rosters.import_rows(
            campaign_id, read_rows(path), columns, head_row, dry_run=dry_run,
            progress=lambda done: _note(import_id, done),
        )  # fmt: skip
    with unit_of_work():
        row = db.session.get_one(RosterImport, import_id)
        row.done, row.added, row.changed = result.rows, result.added, result.changed
        row.problems = [list(problem) for problem in result.problems]
        row.state, row.touched_at = ImportState.DONE.value, now()
        if not dry_run:
            row.key, row.sample = None, []
            audit.note_id(row.staff_id, "roster.imported", f"campaign-{campaign_id}")
    if not dry_run:
        storage().delete(key or "")


def _note(import_id: int, done: int) -> None:
    with unit_of_work():
        row = db.session.get_one(RosterImport, import_id)
        row.done, row.touched_at = done, now()


def resume_lost() -> int:
    """Queue again what has lost its job, and forget files that nobody took. Returns how many were queued."""
    with unit_of_work() as unit:
        lost = db.session.scalars(
            select(RosterImport).where(RosterImport.state.in_(_WORKING), RosterImport.touched_at < now() - LOST)
        ).all()
        for row in lost:
            row.touched_at = now()
            _queue(unit, row)
    old = db.session.execute(
        select(RosterImport.id, RosterImport.key).where(
            RosterImport.key.is_not(None), RosterImport.touched_at < now() - KEPT
        )
    ).all()
    for import_id, key in old:
        forget(import_id, str(key))
    return len(lost)


def forget(import_id: int, key: str) -> None:
    """Delete a file that is no longer needed, and what its page showed of it."""
    storage().delete(key)
    with unit_of_work():
        row = db.session.get_one(RosterImport, import_id)
        row.key, row.sample = None, []
        if row.state != ImportState.DONE:
            row.state, row.failure = ImportState.FAILED.value, N_("文件已被删除，请重新上传")
