"""Who sits for a demo portrait: everything that differs from one drawn person to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass

from app.demo.draw_base import Colour

SKINS: tuple[Colour, ...] = (
    (209, 178, 155), (207, 173, 148), (206, 170, 142), (206, 167, 136), (197, 157, 125), (185, 142, 109),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = ((34, 30, 31), (42, 34, 32), (54, 41, 35), (70, 50, 40), (28, 27, 31))
IRISES: tuple[Colour, ...] = ((58, 36, 24), (72, 46, 30), (48, 32, 26), (84, 56, 36))
MALE_HAIR = ("short", "side_part", "crew", "swept")
FEMALE_HAIR = ("ponytail", "tucked_bob", "bun")  # long hair over dark clothes is lost by the person mask
# garment, its colours; the pale ones are swapped for dark ones before a pale wall
GARMENTS: dict[str, tuple[Colour, ...]] = {
    "shirt": ((240, 241, 243), (236, 238, 242), (58, 70, 98)),
    "suit": ((38, 44, 60), (52, 54, 60), (30, 34, 44), (66, 58, 58)),
    "sweater": ((120, 52, 58), (60, 84, 76), (74, 70, 92), (150, 112, 70)),
    "polo": ((44, 62, 104), (128, 44, 52), (54, 88, 74), (56, 58, 66)),
}


@dataclass(frozen=True)
class Sitter:
    """The looks of one drawn person; lengths are in half face widths."""

    seed: int
    female: bool
    skin: Colour
    hair: Colour
    hair_style: str
    iris: Colour
    garment: str
    garment_colour: Colour
    tie: Colour
    glasses: str | None
    jaw: float  # half width of the jaw angle
    chin: float  # distance from the eye line to the chin
    eye_gap: float  # from the middle of the face to the middle of an eye
    eye_size: float
    lid: float  # height of the opening of an eye
    nose: float
    mouth: float  # half width of the mouth
    lips: float
    brow: float  # thickness
    part: float  # where the hair is parted, left negative
    roll: float  # degrees, well inside the rule's limits
    light: float  # where the light comes from, -1 left .. 1 right; small

    @classmethod
    def of(cls, seed: int, wall: Colour = (100, 197, 255)) -> Sitter:
        """The sitter of a seed; only the clothes look at the wall, so that they differ from it."""
        rng = random.Random(f"sitter-{seed}")
        female = rng.random() < 0.5
        garment = rng.choice(tuple(GARMENTS))
        colours = [c for c in GARMENTS[garment] if _distance(c, wall) > 110] or list(GARMENTS["suit"])
        return cls(
            seed=seed,
            female=female,
            skin=_vary(rng, rng.choice(SKINS), 4),
            hair=_vary(rng, rng.choice(HAIRS), 4),
            hair_style=rng.choice(FEMALE_HAIR if female else MALE_HAIR),
            iris=rng.choice(IRISES),
            garment=garment,
            garment_colour=_vary(rng, rng.choice(colours), 4),
            tie=rng.choice(((122, 36, 44), (40, 58, 104), (52, 82, 70), (88, 52, 92))),
            glasses=rng.choice(("round", "square")) if rng.random() < 0.3 else None,
            jaw=rng.uniform(0.76, 0.82) if female else rng.uniform(0.82, 0.89),
            chin=rng.uniform(1.43, 1.51) if female else rng.uniform(1.42, 1.52),
            eye_gap=rng.uniform(0.43, 0.465),
            eye_size=rng.uniform(0.96, 1.08) * (1.04 if female else 1.0),
            lid=rng.uniform(0.165, 0.195),
            nose=rng.uniform(0.9, 1.05) * (0.94 if female else 1.04),
            mouth=rng.uniform(0.33, 0.38),
            lips=rng.uniform(0.95, 1.15) if female else rng.uniform(0.82, 0.98),
            brow=rng.uniform(0.055, 0.07) if female else rng.uniform(0.075, 0.1),
            part=rng.choice((-1, 1)) * rng.uniform(0.2, 0.42),
            roll=rng.uniform(-1.2, 1.2),
            light=rng.uniform(-0.12, 0.12),
        )


def _distance(a: Colour, b: Colour) -> float:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def _vary(rng: random.Random, colour: Colour, by: float) -> Colour:
    return (colour[0] + rng.uniform(-by, by), colour[1] + rng.uniform(-by, by), colour[2] + rng.uniform(-by, by))
