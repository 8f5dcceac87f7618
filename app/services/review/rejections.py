"""What a rejection tells: the chosen reasons, copied as the student will read them, each bound to its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from app.extensions import db
from app.models import DecisionReason, Photo, PhotoCheck, Reason
from app.rules.faults import Invalid, ReasonRequired
from app.rules.messages import plain
from app.rules.reasons import fill, open_places
from app.rules.text import N_, Named
from app.services.review.reasons import checks_behind

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Told:
    """What the reviewer says: reason codes, and by code what fills `{value}` and where in the photo it is."""

    codes: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, Box] = field(default_factory=dict)


def rows(told: Told, photo: Photo) -> list[DecisionReason]:
    """The rows of a rejection.

    Raises ReasonRequired without an active reason or with one that is not; Invalid when a placeholder is not filled or
    a region lies outside of the photo.
    """
    wanted = list(dict.fromkeys(told.codes))
    found = {row.code: row for row in db.session.scalars(select(Reason).where(Reason.code.in_(wanted), Reason.active))}
    if not wanted or len(found) != len(wanted):
        raise ReasonRequired
    return [_copied(found[code], told, photo) for code in wanted]


def worst(reason: Reason, checks: Sequence[PhotoCheck]) -> PhotoCheck | None:
    """Of the checks behind a reason the one that fails, else warns, else the first that measured something."""
    behind = [check for check in checks if check.code in checks_behind(reason)]
    order = {"fail": 0, "warn": 1, "pass": 2, "skipped": 3}
    return min(behind, key=lambda check: (order[check.verdict], check.value is None), default=None)


def measured(check: PhotoCheck | None) -> str:
    """A check's value as a reason's text takes it, empty where nothing was measured."""
    return plain(check.value) if check is not None and check.value is not None else ""


def limit(check: PhotoCheck | None) -> str:
    """The limit that a measured value breaks (else the upper, else the lower one), empty where there is none."""
    if check is None:
        return ""
    below = check.low is not None and check.value is not None and check.value < check.low
    broken = check.low if below or check.high is None else check.high
    return plain(broken) if broken is not None else ""


def _copied(reason: Reason, told: Told, photo: Photo) -> DecisionReason:
    check = worst(reason, photo.checks)
    value = told.values.get(reason.code, "").strip()[:40] or measured(check)
    texts = [fill(text, {"value": value, "limit": limit(check)}) for text in (reason.text_zh, reason.text_en)]
    if any(map(open_places, texts)):
        name = Named(reason.label, reason.label_en)
        raise Invalid(N_("原因“%(label)s”还有未填写的内容"), {reason.code: N_("请填写")}, label=name)
    bad = check is not None and check.verdict in ("fail", "warn")
    return DecisionReason(
        code=reason.code,
        text_zh=texts[0],
        text_en=texts[1],
        target=reason.target,
        region=_region(told.regions.get(reason.code), photo) or (check.region if check is not None and bad else None),
        value=check.value if check is not None else None,
    )


def _region(box: Box | None, photo: Photo) -> list[int] | None:
    """A box that the reviewer drew, in pixels of the upright original."""
    if box is None:
        return None
    x, y, width, height = box
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > (photo.width or 0) or y + height > (photo.height or 0):
        raise Invalid(N_("标出的位置不在照片内，请重新标出"))
    return list(box)
