"""`headwear`: a hat, cap, helmet, hood or scarf on the head.

An ImageNet classifier looks at the square above the eyes; measured is what it gives to kinds of headwear together,
0..1. Kinds that it sees in smooth dark hair as often (bathing and shower cap, bearskin, ski mask) are left out. Only a
warning: a classifier that was trained on other pictures is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import judged
from workers.imaging.marks import FOREHEAD, SIDES
from workers.imaging.scene import Scene

CODES = ("headwear",)
KINDS = (
    "abaya", "ballplayer", "bonnet", "cloak", "cowboy hat", "crash helmet", "football helmet", "mortarboard",
    "pickelhaube", "sombrero",
)  # fmt: skip


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None:
        return
    share = sum(scene.kinds[kind] for kind in KINDS)
    yield judged(scene, "headwear", share, "covered", scene.around((FOREHEAD, *SIDES), 0.2))
