"""`python -m scripts.samples`: draw the small pictures of the requirements page into app/static/samples/."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from app.demo import portraits
from app.rules.samples import GROUPS

FOLDER = Path(__file__).resolve().parent.parent / "app" / "static" / "samples"
SIZE, SITTER = (240, 320), 2
POSES = {
    "too_far": {"unit": 110.0, "cy": 1000.0},
    "raised": {"pitch": -34.0},
    "lowered": {"pitch": 20.0},
}
"""Wrong poses that are no fault of the demo's."""


def main() -> int:
    """Write every picture that the page names."""
    names = sorted({sample.name for group in GROUPS for sample in group.samples})
    for name in names:
        (FOLDER / f"{name}.webp").write_bytes(_webp(_drawn(name)))
    print(f"{len(names)} pictures in {FOLDER}")
    return 0


def _drawn(name: str) -> Image.Image:
    if name == "glasses":
        return portraits.portrait(_with_glasses())
    if name == "blocks":
        small = portraits.portrait(SITTER).resize((96, 128))
        return Image.open(io.BytesIO(portraits.jpeg(small, 9)))
    if name in POSES:
        return portraits.portrait(SITTER, **POSES[name])
    return portraits.portrait(SITTER, fault=None if name == "good" else name)


def _with_glasses() -> int:
    from app.demo.draw_sitter import Sitter

    return next(seed for seed in range(100) if Sitter.of(seed, (100, 197, 255)).glasses)


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    how = Image.Resampling.NEAREST if image.width < SIZE[0] else Image.Resampling.LANCZOS
    image.convert("RGB").resize(SIZE, how).save(out, "WEBP", quality=78, method=6)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
