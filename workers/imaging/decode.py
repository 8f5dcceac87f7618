"""Any file a user could send becomes upright 8-bit sRGB pixels, or a named fault."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageCms

from app.rules.photo_rule import PhotoRule

Rgb = npt.NDArray[np.uint8]

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None  # we look at the header ourselves, before anything is decoded

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
ENOUGH = 1600
"""Long side in pixels to which a large picture may be reduced; more is decoded when the crop needs it."""
LOOK = 1640
"""Longest side in pixels of the copy that the models look at."""
SHOWN = 1280
"""Longest side in pixels of the copy that pages show."""

_SRGB = ImageCms.createProfile("sRGB")
_ORIENTATION = 0x0112
_PLAIN = ("RGB", "RGBA", "L", "LA", "CMYK")
"""Modes that can be reduced as they are."""


class Unreadable(Exception):
    """The file cannot be judged. `code` is the check that fails, `fault` what is wrong, `args` fill the sentence."""

    def __init__(self, code: str, fault: str, **values: float) -> None:
        super().__init__(f"{code}/{fault}")
        self.code, self.fault, self.values = code, fault, values


@dataclass(frozen=True)
class Picture:
    """Upright pixels. `scale` is pixels of `rgb` per pixel of the upright original of `width` x `height`."""

    rgb: Rgb
    width: int
    height: int
    format: str
    bytes: int

    @property
    def scale(self) -> float:
        return self.rgb.shape[1] / self.width

    @cached_property
    def small(self) -> Rgb:
        """What the models look at: at most LOOK long."""
        return _at_most(self.rgb, LOOK)

    @cached_property
    def shown(self) -> Rgb:
        """What pages show, and by whose pixels copies are known: at most SHOWN long."""
        return _at_most(self.small, SHOWN)


def _at_most(rgb: Rgb, longest: int) -> Rgb:
    """Reduced by a whole number, which is the cheapest way; the pixels themselves where they are few enough."""
    height, width = rgb.shape[:2]
    part = -(-max(height, width) // longest)
    if part == 1:
        return rgb
    return np.asarray(cv2.resize(rgb, (max(1, width // part), max(1, height // part)), interpolation=cv2.INTER_AREA))


def decode(path: Path, rule: PhotoRule, *, enough: int | None = ENOUGH) -> Picture:
    """Read a picture; one larger than `enough` pixels on its long side is reduced by 2, 4 or 8, a JPEG while decoding.

    Raises Unreadable, naming the check, for what is no picture, damaged, of another kind, or beyond the rule's size.
    """
    size = path.stat().st_size
    if size > rule.max_bytes:
        raise Unreadable("upload_size", "bytes", value=size / 1024 / 1024, high=rule.max_bytes / 1024 / 1024)
    if size == 0:
        raise Unreadable("file_readable", "empty")
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _read(image, rule, size, enough)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("upload_size", "memory") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, OverflowError, KeyError) as error:
        fault = "truncated" if "truncated" in str(error).lower() else "not_a_picture"
        raise Unreadable("file_readable", fault) from None


def _read(image: Image.Image, rule: PhotoRule, size: int, enough: int | None) -> Picture:
    width, height = image.size
    if width * height > rule.max_pixels:
        raise Unreadable("upload_size", "pixels", value=width * height / 1e6, high=rule.max_pixels / 1e6)
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    turn = image.getexif().get(_ORIENTATION, 1)
    rgb = _upright(np.asarray(_to_srgb(_loaded(image, kind, enough))), turn)
    if turn in (5, 6, 7, 8):
        width, height = height, width
    return Picture(rgb, width, height, kind, size)


def _loaded(image: Image.Image, kind: str, enough: int | None) -> Image.Image:
    """The pixels, reduced where there are more than enough: before colours are converted, which costs by the pixel."""
    reduced = next((n for n in (8, 4, 2) if enough is not None and max(image.size) / enough >= n), 1)
    if reduced > 1 and kind == "JPEG":
        image.draft(None, (-(-image.width // reduced), -(-image.height // reduced)))
    image.load()
    if reduced == 1 or kind == "JPEG" or image.mode not in _PLAIN:
        return image
    smaller = image.reduce(reduced)
    smaller.info = image.info
    return smaller


def _upright(pixels: Rgb, turn: int) -> Rgb:
    """Turned and mirrored as the EXIF orientation (1 to 8) says."""
    if turn in (5, 6, 7, 8):
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(turn)
    return np.ascontiguousarray(pixels if flip is None else cv2.flip(pixels, flip))


def _to_srgb(image: Image.Image) -> Image.Image:
    """8-bit sRGB: profiles are converted, not dropped; transparency lies on white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        deep = np.asarray(image, np.float64)
        white = 65535 if image.mode.startswith("I;16") or deep.max() > 255 else 255
        image = Image.fromarray((deep / white * 255 + 0.5).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    if profile:
        image = _converted(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        made = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a damaged profile or one for another mode says nothing about the colours
        return image
    return made or image
