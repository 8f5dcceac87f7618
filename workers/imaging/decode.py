"""Any file a user could send becomes upright 8-bit sRGB pixels, or a named fault."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageCms, ImageOps

from app.rules.photo_rule import PhotoRule

Rgb = npt.NDArray[np.uint8]

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None  # we look at the header ourselves, before anything is decoded

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
ENOUGH = 1600
"""Long side in pixels to which a large JPEG may be reduced while decoding; more is decoded when the crop needs it."""

_SRGB = ImageCms.createProfile("sRGB")
_ORIENTATION = 0x0112


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


def decode(path: Path, rule: PhotoRule, *, enough: int | None = ENOUGH) -> Picture:
    """Read a picture; a JPEG larger than `enough` pixels on its long side is reduced by 2, 4 or 8 while decoding.

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
    if enough is not None and image.format in ("JPEG", "MPO"):
        part = max(width, height) / enough
        reduced = next((n for n in (8, 4, 2) if part >= n), 1)
        if reduced > 1:
            image.draft(None, (-(-width // reduced), -(-height // reduced)))
    image.load()
    upright = ImageOps.exif_transpose(_to_srgb(image))
    if (upright.width > upright.height) != (width > height):
        width, height = height, width
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    return Picture(np.ascontiguousarray(np.asarray(upright)), width, height, kind, size)


def _to_srgb(image: Image.Image) -> Image.Image:
    """8-bit sRGB with the orientation tag kept: profiles are converted, not dropped; transparency lies on white."""
    profile = image.info.get("icc_profile")
    exif = image.getexif()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        deep = np.asarray(image, np.float64)
        image = Image.fromarray((deep / (65535 if deep.max() > 255 else 255) * 255 + 0.5).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    if profile:
        image = _converted(image, profile)
    image = image.convert("RGB") if image.mode != "RGB" else image
    if exif.get(_ORIENTATION, 1) != 1:
        image.getexif()[_ORIENTATION] = exif[_ORIENTATION]
    return image


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        made = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a damaged profile or one for another mode says nothing about the colours
        return image
    return made or image
