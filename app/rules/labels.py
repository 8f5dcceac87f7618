"""What states, actions and collection-code faults are called on pages."""

from __future__ import annotations

from collections.abc import Mapping

from app.rules.states import OrderState
from app.rules.text import N_

STATE_LABELS: Mapping[str, str] = {
    OrderState.DRAFT: N_("填写中"),
    OrderState.PENDING_PAYMENT: N_("待支付"),
    OrderState.PENDING_REVIEW: N_("待审核"),
    OrderState.REJECTED: N_("被驳回"),
    OrderState.REVISING: N_("修改中"),
    OrderState.PENDING_PRODUCTION: N_("待制作"),
    OrderState.IN_PRODUCTION: N_("制作中"),
    OrderState.COMPLETED: N_("已完成"),
    OrderState.CANCELLED: N_("已取消"),
    OrderState.REFUNDED: N_("退款中"),
}

REFUND_LABELS: Mapping[str, str] = {
    "requested": N_("退款中"),
    "processing": N_("退款中"),
    "succeeded": N_("已退款"),
    "failed": N_("退款失败"),
}

EVENT_LABELS: Mapping[str, str] = {
    "submit": N_("提交照片"),
    "discard": N_("放弃填写"),
    "edit": N_("返回修改"),
    "pay": N_("支付成功"),
    "waive": N_("免除费用"),
    "cancel": N_("取消订单"),
    "expire": N_("超时未支付，自动取消"),
    "withdraw": N_("撤回审核"),
    "approve": N_("审核通过"),
    "reject": N_("审核驳回"),
    "undo": N_("撤销审核结果"),
    "resubmit": N_("重新提交"),
    "appeal": N_("提出申诉"),
    "recall": N_("召回复审"),
    "export": N_("进入制作"),
    "release": N_("退回待制作"),
    "deliver": N_("交付完成"),
    "close": N_("订单关闭"),
    "refund": N_("申请退款"),
}

NEXT_STEPS: Mapping[str, str] = {
    OrderState.DRAFT: N_("继续填写并提交"),
    OrderState.PENDING_PAYMENT: N_("请在 24 小时内完成支付"),
    OrderState.PENDING_REVIEW: N_("审核员正在审核您的照片"),
    OrderState.REJECTED: N_("请按驳回原因修改后重新提交，无需再次支付"),
    OrderState.REVISING: N_("修改完成后请重新提交"),
    OrderState.PENDING_PRODUCTION: N_("审核已通过，等待制作"),
    OrderState.IN_PRODUCTION: N_("正在制作，将交付学校与学信网"),
    OrderState.COMPLETED: N_("照片已交付，无需操作"),
    OrderState.CANCELLED: N_("订单已取消，可重新开始"),
    OrderState.REFUNDED: N_("款项将原路退回"),
}

CODE_FAULTS: Mapping[str, str] = {
    "no_code": N_("图片中没有找到二维码，请上传从学信网保存的图像采集码"),
    "blurred": N_("二维码不够清晰，请在学信网长按保存原图，不要截屏或翻拍"),
    "cropped": N_("二维码不完整，请保留四周的白边，不要裁剪"),
    "too_small": N_("二维码太小，请保存原图后上传"),
    "several": N_("图片中有多个二维码，请只上传您的图像采集码"),
    "too_large": N_("图片太大，请保存原图后上传"),
    "unreadable_file": N_("文件无法打开，请上传 PNG 或 JPEG 图片"),
    "used": N_("这个采集码已被另一个订单使用"),
}

SOURCES: Mapping[str, str] = {
    "album": N_("相册"),
    "camera": N_("拍照"),
    "camera_fallback": N_("拍照（系统相机，未验证）"),
    "onsite": N_("现场拍摄"),
}
