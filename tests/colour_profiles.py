"""A Display P3 colour profile made here, and sRGB colours written in it: an independent way to the same numbers."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]

D65, D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(x: float, y: float) -> list[float]:
    return [x / y, 1.0, (1 - x - y) / y]


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    """Linear RGB to XYZ (D65) from the chromaticities."""
    columns = np.array([_xyz(*primary) for primary in primaries]).T
    return np.asarray(columns * np.linalg.solve(columns, _xyz(*D65)))


def display_p3() -> bytes:
    """An ICC profile (version 2.4, matrix and gamma curve of sRGB as a table) of Display P3."""
    from_white, to_white = BRADFORD @ _xyz(*D65), BRADFORD @ D50
    adapted = np.linalg.inv(BRADFORD) @ np.diag(to_white / from_white) @ BRADFORD @ _to_xyz(P3)

    def fixed(values: npt.ArrayLike) -> bytes:
        return struct.pack(">3i", *(round(float(value) * 65536) for value in np.asarray(values)))

    steps = np.linspace(0, 1, 1024)
    curve = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    table = b"curv\0\0\0\0" + struct.pack(">I", 1024) + (curve * 65535).round().astype(">u2").tobytes()
    name = b"Display P3\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 78,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(D50),
    }
    for number, tag in enumerate((b"r", b"g", b"b")):
        tags[tag + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(adapted[:, number])
        tags[tag + b"TRC"] = table
    return _profile(tags)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    offset, index, data = 128 + 4 + 12 * len(tags), b"", b""
    for tag, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        index += tag + struct.pack(">II", offset + len(data), len(value))
        data += value
    size = offset + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + index + data


def to_display_p3(rgb: Rgb) -> Rgb:
    """The same colours as Display P3 values; by matrix, without any profile."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    wide = linear @ (np.linalg.inv(_to_xyz(P3)) @ _to_xyz(SRGB)).T
    wide = wide.clip(0, 1)
    coded = np.where(wide <= 0.0031308, wide * 12.92, 1.055 * wide ** (1 / 2.4) - 0.055)
    return np.rint(coded * 255).astype(np.uint8)
