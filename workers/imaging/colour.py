"""Colour measures: CIELAB and the linear luminance of ISO/IEC 29794-5."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_STEPS = np.arange(256) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_WEIGHTS = np.array([[0.2126, 0.7152, 0.0722]])


def lab(rgb: npt.NDArray[np.uint8] | Plane) -> Plane:
    """CIELAB (L 0..100) of sRGB values 0..255; of whole numbers exactly, of others within half a unit."""
    if rgb.dtype == np.uint8:
        return lab_of_light(linear(np.asarray(rgb, np.uint8)))
    return np.asarray(cv2.cvtColor(np.asarray(rgb, np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def lab_of_light(light: Plane) -> Plane:
    """CIELAB of linear light 0..1 in three channels."""
    return np.asarray(cv2.cvtColor(light, cv2.COLOR_LRGB2LAB), np.float32)


def linear(rgb: npt.NDArray[np.uint8]) -> Plane:
    """Linear light 0..1 of sRGB values, channel by channel."""
    return np.asarray(cv2.LUT(rgb, _LINEAR), np.float32)


def distance(one: Plane, other: Plane) -> Plane:
    """CIE76 colour difference, pixel by pixel, of two CIELAB pictures (or of a picture and one colour)."""
    away = np.asarray(one - other, np.float32)
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", away, away)), np.float32)


def luminance(rgb: npt.NDArray[np.uint8]) -> Plane:
    """Linear-light luminance 0..1 (sRGB, Rec. 709 weights), as ISO/IEC 29794-5 uses it."""
    return luminance_of_light(linear(rgb))


def luminance_of_light(light: Plane) -> Plane:
    """The same of linear light in three channels."""
    return np.asarray(cv2.transform(light, _WEIGHTS), np.float32)
