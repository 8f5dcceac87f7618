"""Editing a photo rule: its body as a flat list of places, what it may not say, what two versions differ in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from app.rules.text import N_

MEASURES: Mapping[str, str] = {
    "wall_lightness": N_("墙面亮度"),
    "wall_texture": N_("墙面纹理"),
    "wall_contrast": N_("墙面与人像反差"),
    "edge_doubt": N_("人像边缘不确定度"),
    "face_eaten": N_("抠图误伤面部"),
    "painted_over": N_("被当作背景的人像"),
    "like_colour": N_("与背景同色的人像"),
    "face_lightness": N_("脸部亮度"),
    "blown": N_("过曝面积"),
    "colourfulness": N_("色彩丰富度"),
    "noise": N_("噪点"),
    "light": N_("脸部光照"),
    "wall_things": N_("墙上的物品与阴影"),
    "roughness": N_("背景粗糙度"),
    "tinted_lens": N_("镜片着色"),
    "weaker_ear": N_("露出较少的一只耳朵"),
    "facing_ear": N_("正脸时露出较少的一只耳朵"),
}
"""What limits are called that are not a check of their own."""

PLACES: Mapping[str, str] = {
    "upload.max_mb": N_("上传大小上限（MB）"),
    "upload.max_megapixels": N_("上传像素上限（百万）"),
    "output.width": N_("成品宽（像素）"),
    "output.height": N_("成品高（像素）"),
    "output.dpi": N_("成品分辨率标记（dpi）"),
    "output.quality_best": N_("JPEG 最高质量"),
    "output.quality_least": N_("JPEG 最低质量"),
    "output.max_bytes": N_("成品大小上限（字节）"),
    "output.warn_below_bytes": N_("成品小于此值时提示（字节）"),
}
"""The single numbers of a rule, in the order in which they are shown, and the allowed ranges of each."""

RANGES: Mapping[str, tuple[float, float]] = {
    "upload.max_mb": (1, 30),
    "upload.max_megapixels": (1, 100),
    "output.width": (120, 3000),
    "output.height": (160, 4000),
    "output.dpi": (72, 1200),
    "output.quality_best": (1, 100),
    "output.quality_least": (1, 100),
    "output.max_bytes": (1024, 5 * 1024 * 1024),
    "output.warn_below_bytes": (0, 5 * 1024 * 1024),
}

_ENDS = (("warn", 0), ("warn", 1), ("fail", 0), ("fail", 1))
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,6})?")


def flat(body: Mapping[str, Any]) -> dict[str, str]:
    """A body as place -> text: what the form shows and posts. Empty where there is no limit."""
    found = {f"{part}.{name}": _shown(value) for part in ("upload", "output") for name, value in body[part].items()}
    for name, colour in body["backgrounds"].items():
        found[f"backgrounds.{name}"] = ", ".join(map(str, colour))
    for code, limit in body["limits"].items():
        for kind, end in _ENDS:
            bounds = limit.get(kind) or (None, None)
            found[f"limits.{code}.{kind}.{end}"] = _shown(bounds[end])
    return found


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if abs(value) < 1e6 else str(int(value))


def edited(body: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The body with the edited places, and the faults by place; with faults the body must not be used."""
    values = {place: texts.get(place, text).strip() for place, text in flat(body).items()}
    wrong = {place: fault for place, text in values.items() if (fault := _fault(place, text))}
    if wrong:
        return dict(body), wrong
    made: dict[str, Any] = {"code": body["code"], "upload": {}, "output": {}, "backgrounds": {}, "limits": {}}
    for place, text in values.items():
        part, _, name = place.partition(".")
        if part in ("upload", "output"):
            made[part][name] = _number(text)
        elif part == "backgrounds":
            made[part][name] = [int(channel) for channel in text.split(",")]
    for code, limit in body["limits"].items():
        made["limits"][code] = _limit(limit, {f"{k}.{e}": values[f"limits.{code}.{k}.{e}"] for k, e in _ENDS})
    return made, contradictions(made)


def _limit(old: Mapping[str, Any], ends: Mapping[str, str]) -> dict[str, Any]:
    limit: dict[str, Any] = {"unit": old.get("unit", "")}
    for kind in ("warn", "fail"):
        bounds = [_number(ends[f"{kind}.{end}"]) if ends[f"{kind}.{end}"] else None for end in (0, 1)]
        if bounds != [None, None]:
            limit[kind] = bounds
    return limit


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value == int(value) else value


def _fault(place: str, text: str) -> str:
    """What is wrong with one text by itself."""
    if place.startswith("backgrounds."):
        parts = [part.strip() for part in text.split(",")]
        fine = len(parts) == 3 and all(re.fullmatch("[0-9]{1,3}", part) and int(part) < 256 for part in parts)
        return "" if fine else N_("请填三个 0–255 的整数，用逗号分隔")
    if place.startswith("limits."):
        return "" if not text or _NUMBER.fullmatch(text) else N_("请填数字，不限则留空")
    low, high = RANGES[place]
    if not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
        return N_("超出允许范围")
    whole = place.startswith("output.") and float(text) != int(float(text))
    return N_("请填整数") if whole else ""


def contradictions(body: Mapping[str, Any]) -> dict[str, str]:
    """Places of a body that contradict each other, each with a sentence."""
    out, limits = body["output"], body["limits"]
    checks: tuple[tuple[str, Callable[[], bool], str], ...] = (
        ("output.height", lambda: out["width"] * 4 == out["height"] * 3, N_("成品必须为 3:4")),
        ("output.quality_least", lambda: out["quality_least"] <= out["quality_best"], N_("最低质量不能高于最高质量")),
        ("output.warn_below_bytes", lambda: out["warn_below_bytes"] < out["max_bytes"], N_("提示值应小于大小上限")),
    )
    wrong = {place: sentence for place, holds, sentence in checks if not holds()}
    for code, limit in limits.items():
        wrong |= _upside_down(code, limit)
    for code, size in (("hair_top", "height"), ("eye_line", "height"), ("face_width", "width")):
        high = (limits.get(code, {}).get("fail") or (None, None))[1]
        if high is not None and high > out[size]:
            wrong[f"limits.{code}.fail.1"] = N_("超出成品的尺寸")
    return wrong


def _upside_down(code: str, limit: Mapping[str, Any]) -> dict[str, str]:
    """Bounds in the wrong order, and warnings that lie beyond the failing bounds, where nobody would see them."""
    warn, fail = (_open(limit.get(kind)) for kind in ("warn", "fail"))
    for kind, (low, high) in (("warn", warn), ("fail", fail)):
        if low > high:
            return {f"limits.{code}.{kind}.1": N_("上限不能小于下限")}
    if limit.get("warn") and limit.get("fail"):
        if warn[0] < fail[0]:
            return {f"limits.{code}.warn.0": N_("提示范围应在不合格范围之内")}
        if warn[1] > fail[1]:
            return {f"limits.{code}.warn.1": N_("提示范围应在不合格范围之内")}
    return {}


def _open(bounds: Any) -> tuple[float, float]:
    low, high = bounds or (None, None)
    return (-math.inf if low is None else low), (math.inf if high is None else high)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Place, old text, new text, wherever two bodies differ; empty text: not there, or no limit."""
    before, after = flat(old), flat(new)
    places = list(dict.fromkeys([*before, *after]))
    return [(p, before.get(p, ""), after.get(p, "")) for p in places if before.get(p, "") != after.get(p, "")]
