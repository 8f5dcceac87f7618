"""Reads collection codes: a cascade of decoders, bytes exact, and a doctor that says why nothing was read.

Measured on made codes (`make bench WHAT=codes`): zxing-cpp alone reads most; an unsharp copy adds blurred ones, a soft
one noisy ones and those photographed from a screen, an enlarged one the smallest; pyzbar is a second opinion. None of
these ever gave a wrong text.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

from app.rules.photo_rule import PhotoRule
from workers.codes.doctor import diagnose
from workers.imaging.decode import Unreadable, decode
from workers.outcome import CodeReading

Grey = npt.NDArray[np.uint8]

_BIG = 1600  # pixels; pyzbar's cost grows with the area
_SMALL = 900  # pixels; below this an enlarged copy is worth a try

try:  # libzbar0 is a system library: without it zxing-cpp reads alone
    from pyzbar import pyzbar
except ImportError:  # pragma: no cover
    pyzbar = None


def read(path: Path, rule: PhotoRule) -> CodeReading:
    """The payload of the one QR code in a picture, or the fault: no_code, several, blurred, cropped, too_small, …"""
    start = time.perf_counter()
    payload, fault = _read(path, rule)
    return CodeReading(payload, fault, (time.perf_counter() - start) * 1000)


def _read(path: Path, rule: PhotoRule) -> tuple[bytes | None, str | None]:
    try:
        picture = decode(path, rule, enough=None)
    except Unreadable as fault:
        return None, "too_large" if fault.code == "upload_size" else "unreadable_file"
    grey = np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    found = payloads(grey)
    if len(found) > 1:
        return None, "several"
    return (found[0], None) if found else (None, diagnose(grey))


def payloads(grey: Grey) -> list[bytes]:
    """The different payloads of all QR codes that any decoder of the cascade reads; the first that reads any wins."""
    for attempt in ATTEMPTS:
        found = list(dict.fromkeys(attempt(grey)))
        if found:
            return found
    return []


def plain(grey: Grey) -> list[bytes]:
    """What zxing-cpp reads as it is: the exact bytes."""
    codes = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)  # type: ignore[arg-type]
    return [bytes(code.bytes) for code in codes if code.valid]


def _sharpened(grey: Grey) -> list[bytes]:
    soft = cv2.GaussianBlur(grey, (0, 0), 4)
    return plain(np.asarray(cv2.addWeighted(grey, 4, soft, -3, 0), np.uint8))


def _softened(grey: Grey) -> list[bytes]:
    """Without the fine pattern of a screen, or of noise."""
    return plain(np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.5), np.uint8)) or plain(
        np.asarray(cv2.medianBlur(grey, 5), np.uint8)
    )


def _enlarged(grey: Grey) -> list[bytes]:
    if max(grey.shape) > 2 * _SMALL:
        return []
    large = np.asarray(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    return plain(large) or _sharpened(large)


def _second_opinion(grey: Grey) -> list[bytes]:
    if pyzbar is None:
        return []
    part = _BIG / max(grey.shape)
    if part < 1:
        grey = np.asarray(cv2.resize(grey, None, fx=part, fy=part, interpolation=cv2.INTER_AREA), np.uint8)
    found = pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE])
    return [exact(bytes(symbol.data)) for symbol in found]


def exact(data: bytes) -> bytes:
    """zbar hands out UTF-8 of bytes that it took for Latin-1; undo it where that is what happened."""
    try:
        return data.decode("utf-8").encode("latin-1") if any(byte > 127 for byte in data) else data
    except (UnicodeDecodeError, UnicodeEncodeError):
        return data


ATTEMPTS = (plain, _sharpened, _softened, _enlarged, _second_opinion)
"""From the cheapest to the dearest."""
