"""What every check file needs: a measured value becomes a finding under the rule's limits."""

from __future__ import annotations

from app.rules.report import Box, Check, CheckVerdict
from workers.imaging.scene import Scene

_WORSE = (CheckVerdict.SKIPPED, CheckVerdict.PASS, CheckVerdict.WARN, CheckVerdict.FAIL)

_PROFILE = 45.0


def judged(scene: Scene, code: str, value: float, fault: str = "", region: Box | None = None, limit: str = "") -> Check:
    """The finding for a measured value under the rule's limit of this code (or of `limit`)."""
    bounds = scene.rule.limit(limit or code)
    verdict = bounds.judge(round(value, 4))
    low, high = bounds.told(verdict)
    if verdict is CheckVerdict.PASS:
        fault, region = "", None
    return Check(code, verdict, round(float(value), 4), bounds.unit, low, high, region, fault)


def steepest(scene: Scene, code: str, shown: float, model: float) -> float:
    """The angle that counts: what all measures show, but the model's own where that alone breaks the rule.

    Geometry makes warnings rarer; it must not turn what the rule refuses into a warning (decision 0011).
    """
    return model if scene.rule.limit(code).judge(model) is CheckVerdict.FAIL else shown


def in_profile(scene: Scene) -> bool:
    """Whether the head is turned so far that the mesh guesses the far eye and half of the mouth."""
    return scene.face is not None and abs(scene.face.yaw) > _PROFILE


def skipped(code: str) -> Check:
    """A check that could not look."""
    return Check(code, CheckVerdict.SKIPPED)


def worst(*findings: Check) -> Check:
    """The worst of several findings of one code; the first of equals."""
    return max(findings, key=lambda check: _WORSE.index(check.verdict))
