"""One small file per check. Each has CODES and look(scene) -> findings; CHECKS lists them in the order of a report.

A code that nothing here finds reports `skipped`: no test picture proves such a check yet.
"""

from __future__ import annotations

from importlib import import_module

CHECKS = (
    "resolution", "face_count", "crop", "roll", "yaw", "pitch", "ears", "eyes_open", "gaze", "mouth",
    "expression", "background_uniform", "background_colour", "exposure", "lighting", "natural_colour", "sharpness",
    "compression", "headwear", "glasses", "occlusion",
)  # fmt: skip

CODES = (
    "file_readable", "upload_size", "resolution", "face_count",
    "crop", "hair_top", "eye_line", "face_width", "centre", "roll", "yaw", "pitch", "shoulders", "ears",
    "eyes_open", "gaze", "mouth", "expression", "background_uniform", "background_colour",
    "exposure", "lighting", "natural_colour", "sharpness", "compression", "output_size",
    "headwear", "glasses", "occlusion", "duplicate", "recapture", "retouch",
)  # fmt: skip
"""Every code of a report, in the order in which people read them."""


def modules() -> list[object]:
    """The check modules, imported on first use (they need the native libraries)."""
    return [import_module(f"workers.checks.{name}") for name in CHECKS]
