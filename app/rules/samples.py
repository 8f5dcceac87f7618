"""The requirements page: what each rule asks, with drawn pictures of right and wrong. Every check has its place.

Pictures are `app/static/samples/<name>.webp`, made by `python -m scripts.samples` from our own drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.rules.text import N_


@dataclass(frozen=True)
class Sample:
    """One picture, right or wrong, and what it shows."""

    name: str
    good: bool
    text: str


@dataclass(frozen=True)
class Group:
    """One rule in plain words, the checks that hold it, and its pictures."""

    title: str
    rule: str
    checks: Sequence[str]
    samples: Sequence[Sample]


def _good(name: str, text: str) -> Sample:
    return Sample(name, True, text)


def _bad(name: str, text: str) -> Sample:
    return Sample(name, False, text)


GROUPS: Sequence[Group] = (
    Group(
        N_("位置和大小"),
        N_("只拍一个人，头部在正中，头顶上方和两侧留出空白。系统会自动裁剪，不会放大照片。"),
        ("face_count", "crop", "hair_top", "eye_line", "face_width", "centre", "resolution"),
        (
            _good("good", N_("居中，四周留白")),
            _bad("too_close", N_("离得太近")),
            _bad("too_far", N_("离得太远")),
            _bad("off_centre", N_("没有居中")),
            _bad("two_faces", N_("不止一个人")),
        ),
    ),
    Group(
        N_("姿势"),
        N_("正对镜头坐直，头不歪、不侧、不仰不低，双肩同高，双耳对称。照片不能旋转校正，歪了请重拍。"),
        ("roll", "yaw", "pitch", "shoulders", "ears"),
        (
            _good("good", N_("正面平视")),
            _bad("tilted", N_("头歪了")),
            _bad("turned", N_("侧脸")),
            _bad("raised", N_("抬头")),
            _bad("lowered", N_("低头")),
        ),
    ),
    Group(
        N_("眼睛和表情"),
        N_("双眼自然睁开、看镜头，表情平和，嘴唇闭合，不露牙齿。"),
        ("eyes_open", "gaze", "mouth", "expression"),
        (
            _good("good", N_("自然平和")),
            _bad("eyes_closed", N_("闭眼")),
            _bad("smile", N_("露齿笑")),
            _bad("open_mouth", N_("张嘴")),
        ),
    ),
    Group(
        N_("背景"),
        N_("背景均匀，没有影子、花纹、门框和杂物；衣服和头发与背景颜色分明。"),
        ("background_uniform", "background_colour"),
        (
            _good("good", N_("均匀干净")),
            _bad("shadow", N_("有影子")),
            _bad("clutter", N_("有杂物")),
            _bad("wrong_wall", N_("颜色不对")),
        ),
    ),
    Group(
        N_("光线和色彩"),
        N_("面向窗户等均匀光源，不开闪光灯，不偏色，不用黑白。"),
        ("exposure", "lighting", "natural_colour"),
        (
            _good("good", N_("光线均匀")),
            _bad("dark", N_("太暗")),
            _bad("bright", N_("太亮")),
            _bad("side_light", N_("一边亮一边暗")),
            _bad("grey", N_("黑白或偏色")),
        ),
    ),
    Group(
        N_("遮挡和眼镜"),
        N_("不戴帽子、口罩，头发不遮眉眼和双耳。平时戴眼镜可以戴，镜片无色、不反光。因宗教或医疗原因需要遮盖的，请联系学校老师申请豁免。"),
        ("headwear", "glasses", "occlusion"),
        (
            _good("glasses", N_("无色眼镜可以戴")),
            _bad("hat", N_("戴帽子")),
            _bad("sunglasses", N_("深色镜片")),
        ),
    ),
    Group(
        N_("清晰和真实"),
        N_("用原图，不翻拍照片或屏幕，不用美颜和滤镜，必须是本人照片。文件不超过 30 MB。"),
        (
            "file_readable", "upload_size", "sharpness", "compression", "output_size", "duplicate", "recapture",
            "retouch",
        ),
        (
            _good("good", N_("清晰的原图")),
            _bad("blurred", N_("模糊")),
            _bad("blocks", N_("压缩过度")),
        ),
    ),
)  # fmt: skip
