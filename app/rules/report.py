"""What a check says about a photo: the record that checker, database, pages and `flask precheck --json` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Box = tuple[int, int, int, int]
"""x, y, width, height in whole pixels of the upright original."""


class CheckVerdict(StrEnum):
    """What one check says."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """What the checks of one photo add up to."""

    PASSED = "passed"
    REVIEW = "review"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One automatic finding.

    `fault` names what is wrong within the code (`too_close`, `left`); together with `args` it picks the sentence in
    `app.rules.messages`. `value` and the limits `low`/`high` are in `unit`; a limit that does not exist is None.
    """

    code: str
    verdict: CheckVerdict
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    region: Box | None = None
    fault: str = ""
    args: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruler:
    """Lines a page draws on the upright original; y and x in its pixels."""

    hair_top: float
    eye_line: float
    cheek_left: float
    cheek_right: float
    centre: float


@dataclass(frozen=True)
class Report:
    """Everything the machine says about one photo under one rule."""

    rule: str
    background: str
    width: int
    height: int
    checks: tuple[Check, ...]
    crop: Box | None = None
    ruler: Ruler | None = None

    @property
    def verdict(self) -> Verdict:
        """The fold of all checks, exemptions not applied."""
        return fold(self.checks)


def fold(checks: Iterable[Check], exempt: Iterable[str] = ()) -> Verdict:
    """Add checks up to a verdict: any fail -> failed, else any warn -> review, else passed.

    Codes in `exempt` do not count (an exemption switches off one named check). A skipped `machine` check means that the
    machine could not look: a person must, so the verdict is review.
    """
    without = set(exempt)
    counted = [c for c in checks if c.code not in without]
    if any(c.verdict is CheckVerdict.FAIL for c in counted):
        return Verdict.FAILED
    unseen = any(c.code == "machine" and c.verdict is CheckVerdict.SKIPPED for c in counted)
    if unseen or any(c.verdict is CheckVerdict.WARN for c in counted):
        return Verdict.REVIEW
    return Verdict.PASSED
