"""Where the head is and how it is turned: from face units to canvas pixels and back.

The unit is half the face's width at the cheeks. (0, 0) lies between the eyes, y points down. Points lie on an
ellipsoid, so a turned head moves its nose further than its ears.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.demo.draw_base import Points

DEPTH = 0.95  # of the ellipsoid, in half face widths
PIVOT = (0.0, 1.25)  # the head rolls about the neck


@dataclass(frozen=True)
class Pose:
    """Position in pixels, pixels per unit, angles in degrees (roll clockwise, yaw to the right, pitch down)."""

    cx: float
    cy: float
    unit: float
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0

    def px(self, points: object, lift: float = 0.0, flat: bool = False) -> Points:
        """Canvas pixels of face points; `lift` is their height above the ellipsoid, `flat` keeps silhouettes still."""
        p = np.asarray(points, np.float64)
        x, y = p[..., 0], p[..., 1]
        if not flat and (self.yaw or self.pitch):
            z = bulge(x, y) + lift
            a, b = np.radians(self.yaw), np.radians(self.pitch)
            x = x * np.cos(a) + z * np.sin(a)
            y = y + (y * (np.cos(b) - 1) + z * np.sin(b))
        return self._roll(x, y)

    def at(self, x: float, y: float, lift: float = 0.0) -> tuple[float, float]:
        """One point in canvas pixels."""
        out = self.px(np.array([[x, y]]), lift)[0]
        return float(out[0]), float(out[1])

    def _roll(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Points:
        r = np.radians(self.roll)
        dx, dy = x - PIVOT[0], y - PIVOT[1]
        x = PIVOT[0] + dx * np.cos(r) - dy * np.sin(r)
        y = PIVOT[1] + dx * np.sin(r) + dy * np.cos(r)
        return np.stack([self.cx + self.unit * x, self.cy + self.unit * y], -1)

    def face(self, px: NDArray[np.float64], py: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Face units of canvas pixels: the way back of `px`, near enough for light when the head is turned."""
        r = np.radians(-self.roll)
        dx, dy = (px - self.cx) / self.unit - PIVOT[0], (py - self.cy) / self.unit - PIVOT[1]
        u = PIVOT[0] + dx * np.cos(r) - dy * np.sin(r)
        v = PIVOT[1] + dx * np.sin(r) + dy * np.cos(r)
        x, y = u, v
        if self.yaw or self.pitch:
            a, b = np.radians(self.yaw), np.radians(self.pitch)
            # a paraboloid here: the ellipsoid's steep rim would draw seams of light along the cheek
            z = DEPTH * np.clip(1 - (u / 1.06) ** 2 - ((v - 0.05) / 1.66) ** 2, 0, None)
            x, y = u - z * np.sin(a), v - z * np.sin(b)
        return x, y


def bulge(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of the ellipsoid above the silhouette's plane, 0 outside of it."""
    return DEPTH * np.sqrt(np.clip(1 - (x / 1.06) ** 2 - ((y - 0.05) / 1.66) ** 2, 0, None))
