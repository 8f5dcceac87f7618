"""What each check is called and what it tells a person: one sentence per fault that says what to do.

`%(value)s`, `%(low)s` and `%(high)s` are filled with the measured value and the limits.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.rules.report import Check
from app.rules.text import N_

LABELS: Mapping[str, str] = {
    "file_readable": N_("文件可读"),
    "upload_size": N_("文件大小"),
    "resolution": N_("像素"),
    "face_count": N_("人脸数量"),
    "crop": N_("构图"),
    "hair_top": N_("头顶距上边"),
    "eye_line": N_("眼睛距上边"),
    "face_width": N_("脸宽"),
    "centre": N_("左右居中"),
    "roll": N_("头部倾斜"),
    "yaw": N_("头部转向"),
    "pitch": N_("抬头低头"),
    "shoulders": N_("双肩"),
    "ears": N_("双耳"),
    "eyes_open": N_("睁眼"),
    "gaze": N_("视线"),
    "mouth": N_("嘴部"),
    "expression": N_("表情"),
    "background_uniform": N_("背景均匀"),
    "background_colour": N_("背景颜色"),
    "exposure": N_("曝光"),
    "lighting": N_("光线均匀"),
    "natural_colour": N_("色彩自然"),
    "sharpness": N_("清晰度"),
    "compression": N_("压缩与噪点"),
    "output_size": N_("成品大小"),
    "headwear": N_("头饰"),
    "glasses": N_("眼镜"),
    "occlusion": N_("面部遮挡"),
    "duplicate": N_("重复照片"),
    "recapture": N_("翻拍"),
    "retouch": N_("美颜"),
    "machine": N_("自动检测"),
}

SENTENCES: Mapping[tuple[str, str], str] = {
    ("file_readable", "empty"): N_("文件是空的，请重新选择照片"),
    ("file_readable", "truncated"): N_("照片文件不完整，请重新保存或重新拍摄后上传"),
    ("file_readable", "not_a_picture"): N_("这不是可用的照片，请上传 JPEG、PNG、WebP 或 HEIC 格式的照片"),
    ("file_readable", "crashed"): N_("无法处理这个文件，请在手机上打开后另存为 JPEG 再上传"),
    ("upload_size", "bytes"): N_("文件太大（%(value)s MB），请选择不超过 %(high)s MB 的照片"),
    ("upload_size", "pixels"): N_("照片像素过多（%(value)s 百万），请选择不超过 %(high)s 百万像素的照片"),
    ("upload_size", "memory"): N_("照片过大，无法处理，请用较低的分辨率重新拍摄"),
    ("resolution", "few_pixels"): N_(
        "可裁剪区域只有 %(value)s 像素宽，至少需要 %(low)s 像素，请靠近一些或提高分辨率重拍"
    ),
    ("face_count", "none"): N_("没有找到人脸，请正对镜头、露出整张脸重拍"),
    ("face_count", "several"): N_("照片中不止一张人脸，请独自拍摄"),
    ("crop", "too_close"): N_("离镜头太近，请后退一些，头顶上方和两侧多留空白"),
    ("crop", "too_far"): N_("离镜头太远，请靠近一些，让脸部占画面更多"),
    ("crop", "high"): N_("头顶上方空白太少，请把镜头抬高一些或后退"),
    ("crop", "low"): N_("人像偏下、下方空白太少，请把镜头放低一些或后退"),
    ("crop", "tall_hair"): N_("头发或发饰太高，头顶、眼睛和脸宽无法同时符合规定，请放下或压低头发"),
    ("crop", "eyes_high"): N_("眼睛位置偏上，请把镜头抬高一些"),
    ("crop", "eyes_low"): N_("眼睛位置偏下，请把镜头放低一些或后退"),
    ("crop", "left"): N_("人像偏左，请向画面右侧移动"),
    ("crop", "right"): N_("人像偏右，请向画面左侧移动"),
    ("hair_top", "high"): N_("头顶距上边 %(value)s 像素，少于 %(low)s：头顶上方多留一些空白"),
    ("hair_top", "low"): N_("头顶距上边 %(value)s 像素，多于 %(high)s：头顶上方空白太多"),
    ("eye_line", "eyes_high"): N_("眼睛距上边 %(value)s 像素，少于 %(low)s：人像偏上"),
    ("eye_line", "eyes_low"): N_("眼睛距上边 %(value)s 像素，多于 %(high)s：人像偏下"),
    ("face_width", "too_far"): N_("脸宽 %(value)s 像素，少于 %(low)s：请靠近镜头"),
    ("face_width", "too_close"): N_("脸宽 %(value)s 像素，多于 %(high)s：请远离镜头"),
    ("centre", "left"): N_("脸部中心在 %(value)s%% 处，应在 %(low)s%%–%(high)s%%：人像偏左"),
    ("centre", "right"): N_("脸部中心在 %(value)s%% 处，应在 %(low)s%%–%(high)s%%：人像偏右"),
    ("roll", "clockwise"): N_("头向一侧倾斜 %(value)s°，请把头摆正、双眼放平"),
    ("roll", "anticlockwise"): N_("头向一侧倾斜 %(value)s°，请把头摆正、双眼放平"),
    ("roll", "picture_turned"): N_("照片方向不对，请先把照片转正再上传"),
    ("yaw", "turned_left"): N_("脸转向一侧 %(value)s°，请正对镜头"),
    ("yaw", "turned_right"): N_("脸转向一侧 %(value)s°，请正对镜头"),
    ("pitch", "lowered"): N_("头低了 %(value)s°，请抬头平视镜头"),
    ("pitch", "raised"): N_("头仰了 %(value)s°，请收下巴平视镜头"),
    ("shoulders", "uneven"): N_("双肩不平，请坐正、放松双肩"),
    ("ears", "hidden"): N_("双耳没有完全露出，请把头发拢到耳后"),
    ("eyes_open", "closed"): N_("眼睛没有完全睁开，请睁大双眼"),
    ("gaze", "away"): N_("目光没有看镜头，请直视镜头"),
    ("mouth", "open"): N_("嘴没有闭合，请自然闭合双唇、不露牙齿"),
    ("expression", "smile"): N_("表情过大，请保持自然、不笑"),
    ("expression", "brows"): N_("眉毛上扬，请放松面部"),
    ("background_uniform", "uneven"): N_("背景不均匀（有物品、纹理或阴影），请换一面干净、光线均匀的墙"),
    ("background_uniform", "texture"): N_("背景有纹理或图案，请换一面干净的墙"),
    ("background_uniform", "edge"): N_("人像边缘与背景难以分清，请换一面与头发、衣服颜色不同的墙"),
    ("background_colour", "not_blue"): N_("背景不是规定的浅蓝色（色差 %(value)s，最多 %(high)s），请换浅蓝色背景重拍"),
    ("background_colour", "not_white"): N_("背景不是规定的白色（色差 %(value)s，最多 %(high)s），请换白色背景重拍"),
    ("background_colour", "not_grey"): N_("背景不是规定的浅灰色（色差 %(value)s，最多 %(high)s），请换浅灰色背景重拍"),
    ("background_colour", "dark_wall"): N_("背后的墙太暗，请换一面浅色、明亮的墙"),
    ("background_colour", "clothes"): N_("衣服颜色与证件照背景颜色太接近，边缘看不清，请换一件颜色不同的衣服"),
    ("background_colour", "alike"): N_("衣服或头发与背景颜色太接近，请换一面墙或换一件衣服"),
    ("exposure", "dark"): N_("脸部太暗，请到光线充足的地方、面向光源重拍"),
    ("exposure", "bright"): N_("脸部太亮，请避开强光重拍"),
    ("exposure", "blown"): N_("脸部有 %(value)s%% 的区域过曝，请避开直射光重拍"),
    ("lighting", "one_side"): N_("脸的一侧偏暗，请面向光源，让两侧光线一致"),
    ("natural_colour", "grey"): N_("照片没有色彩，请上传彩色照片"),
    ("natural_colour", "cast"): N_("照片偏色，请在自然光下重拍、不要使用滤镜"),
    ("sharpness", "blurred"): N_("照片模糊，请擦净镜头、拿稳手机重拍，不要放大旧照片"),
    ("compression", "blocks"): N_("照片压缩过度，请上传原图，不要使用聊天软件转发的图片"),
    ("compression", "noise"): N_("照片噪点太多，请到更亮的地方重拍"),
    ("output_size", "too_large"): N_("照片细节过多，无法压缩到 %(high)s KB 以内，请换一面更干净的背景"),
    ("output_size", "too_small"): N_("成品只有 %(value)s KB，低于常见的 %(low)s KB"),
    ("headwear", "covered"): N_("可能戴了帽子或头饰，如有请摘下"),
    ("glasses", "dark"): N_("请摘下墨镜或有色眼镜"),
    ("occlusion", "covered"): N_("面部被遮挡，请移开手、口罩或头发"),
    ("duplicate", "same"): N_("请使用本人照片"),
    ("duplicate", "similar"): N_("与另一订单的照片相似，请核对"),
    ("machine", "unavailable"): N_("自动检测暂时不可用，可直接提交，由审核员确认"),
}

STAFF_ONLY = frozenset({("duplicate", "similar")})
"""Findings that students are not told: they would help whoever copies, or alarm whoever did nothing."""

APPEALABLE_NEVER = frozenset({"file_readable", "upload_size", "resolution", "face_count"})
"""Failed checks after which no person can be asked to look: there is nothing that could be delivered."""


def sentence(check: Check) -> tuple[str, dict[str, str]]:
    """The message key for a finding and what fills it; the label where nothing is wrong."""
    values = {"value": plain(check.value), "low": plain(check.low), "high": plain(check.high)}
    if check.code == "roll" or check.code in ("yaw", "pitch"):
        values["value"] = plain(abs(check.value) if check.value is not None else None)
    key = SENTENCES.get((check.code, check.fault)) or LABELS.get(check.code, check.code)
    return key, values


def plain(value: float | None) -> str:
    """A number as people write it: no more digits than they can use."""
    if value is None:
        return "–"
    if abs(value) >= 20 or value == int(value):
        return str(round(value))
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
