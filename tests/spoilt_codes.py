"""Collection codes spoilt in known ways, for tests and `make bench WHAT=codes`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import segno
from PIL import Image

Grey = npt.NDArray[np.uint8]
Rng = np.random.Generator


def code(payload: bytes, module: int, border: int = 4) -> Grey:
    """A QR code of these bytes; `module` is one square's side in pixels, `border` the quiet zone in modules."""
    file = io.BytesIO()
    segno.make_qr(payload, mode="byte", error="m").save(file, kind="png", scale=module, border=border)
    return np.asarray(Image.open(file).convert("L"))


def _blurred(part: float) -> Callable[[Grey, int, Rng], Grey]:
    return lambda grey, module, rng: np.asarray(cv2.GaussianBlur(grey, (0, 0), part * module), np.uint8)


def _sized(wanted: float) -> Callable[[Grey, int, Rng], Grey]:
    def resized(grey: Grey, module: int, rng: Rng) -> Grey:
        part = wanted / module
        return np.asarray(cv2.resize(grey, None, fx=part, fy=part, interpolation=cv2.INTER_AREA), np.uint8)

    return resized


def _screen(contrast: float, modules: float | None = None) -> Callable[[Grey, int, Rng], Grey]:
    """Photographed from a screen: two gratings over the code, as fine as pixels or as wide as modules, and noise."""

    def laid_over(grey: Grey, module: int, rng: Rng) -> Grey:
        pitch = rng.uniform(2.4, 3.4) if modules is None else modules * module * rng.uniform(0.9, 1.1)
        y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
        turn = rng.uniform(0.05, 0.3)
        waves = np.sin((x + turn * y) * 2 * np.pi / pitch) * np.sin((y - turn * x) * 2 * np.pi / (pitch * 1.07))
        noisy = (grey * 0.6 + 60) * (1 - contrast + contrast * waves) + rng.normal(0, 6, grey.shape)
        return noisy.clip(0, 255).astype(np.uint8)

    return laid_over


def _half(grey: Grey, module: int, rng: Rng) -> Grey:
    keep = int(grey.shape[0] * rng.uniform(0.45, 0.7))
    return np.ascontiguousarray(np.rot90(grey[:keep], int(rng.integers(4))))


def _corner_off(grey: Grey, module: int, rng: Rng) -> Grey:
    """Two sides cut away as far as into the corner squares; the one between them is gone."""
    one, other = (int((4 + part) * module) for part in rng.uniform((0.5, 7), (2, 9)))
    return np.ascontiguousarray(np.rot90(grey[one:, other:], int(rng.integers(4))))


def _covered(grey: Grey, module: int, rng: Rng) -> Grey:
    """A thumb on the middle."""
    spoilt = grey.copy()
    side = grey.shape[0]
    cv2.circle(spoilt, (int(side * 0.55), int(side * 0.6)), int(side * 0.2), (90,), -1)
    return spoilt


def _nothing(grey: Grey, module: int, rng: Rng) -> Grey:
    """A page of text without any code."""
    page = np.full((700, 500), 245, np.uint8)
    for line in range(12):
        words = "".join(chr(rng.integers(97, 122)) for _ in range(24))
        cv2.putText(page, words, (20, 50 + 50 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (20,), 2)
    return page


def _noisy(grey: Grey, module: int, rng: Rng) -> Grey:
    return (grey * 0.5 + 60 + rng.normal(0, 30, grey.shape)).clip(0, 255).astype(np.uint8)


def _turned(grey: Grey, module: int, rng: Rng) -> Grey:
    side = grey.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-40, 40), 0.7)
    return np.asarray(cv2.warpAffine(grey, matrix, (side, side), borderValue=(255,)), np.uint8)


def _slanted(grey: Grey, module: int, rng: Rng) -> Grey:
    side = grey.shape[0]
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    moved = corners * 0.8 + 0.1 * side + rng.uniform(-0.09, 0.09, (4, 2)).astype(np.float32) * side
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(cv2.warpPerspective(grey, matrix, (side, side), borderValue=(255,)), np.uint8)


def _jpeg(grey: Grey, module: int, rng: Rng) -> Grey:
    done, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 22))])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


KINDS: dict[str, tuple[Callable[[Grey, int, Rng], Grey], str | None]] = {
    "clean": (lambda grey, module, rng: grey, None),
    "inverted": (lambda grey, module, rng: 255 - grey, None),
    "turned": (_turned, None),
    "slanted": (_slanted, None),
    "JPEG blocks": (_jpeg, None),
    "noise": (_noisy, None),
    "a little blurred": (_blurred(0.5), None),
    "from a screen": (_screen(0.3), None),
    "small": (_sized(1.7), None),
    "blurred": (_blurred(0.9), "blurred"),
    "very blurred": (_blurred(2.0), "blurred"),
    "strong moire": (_screen(0.9, modules=1.2), "moire"),
    "half": (_half, "cropped"),
    "corner cut off": (_corner_off, "cropped"),
    "too small": (_sized(0.9), "too_small"),
    "covered": (_covered, "damaged"),
    "no code": (_nothing, "no_code"),
}
"""How it is spoilt, and what the doctor must say; None must be read."""


def spoilt(kind: str, count: int, seed: int = 2017) -> Iterator[tuple[bytes, Grey]]:
    """Payloads (half binary, half Chinese) and pictures of a kind; the same every time."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    for number in range(count):
        length = int(rng.integers(40, 260))
        payload = rng.bytes(length) if number % 2 else ("图像采集码" * 20).encode()[: length // 3 * 3] + b"%d" % number
        module = int(rng.integers(4, 10))
        yield payload, KINDS[kind][0](code(payload, module), module, rng)
