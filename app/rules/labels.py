"""What states, verdicts, decisions, actions and collection-code faults are called on pages."""

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

VERDICT_LABELS: Mapping[str | None, str] = {
    "passed": N_("合格"),
    "review": N_("待确认"),
    "failed": N_("不合格"),
    None: N_("检测中"),
}

OUTCOME_LABELS: Mapping[str, str] = {"approved": N_("通过"), "rejected": N_("驳回")}

REFUND_LABELS: Mapping[str, str] = {
    "requested": N_("退款中"),
    "processing": N_("退款中"),
    "succeeded": N_("已退款"),
    "failed": N_("退款失败"),
}

EVENT_LABELS: Mapping[str, str] = {
    "submit": N_("提交照片"),
    "discard": N_("已放弃填写"),
    "edit": N_("返回修改"),
    "pay": N_("支付成功"),
    "waive": N_("免除费用"),
    "cancel": N_("订单已取消"),
    "expire": N_("超时未支付，自动取消"),
    "withdraw": N_("已撤回审核"),
    "approve": N_("审核通过"),
    "reject": N_("审核驳回"),
    "undo": N_("撤销审核结果"),
    "resubmit": N_("重新提交"),
    "appeal": N_("提出申诉"),
    "recall": N_("已召回复审"),
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
    "moire": N_("图片上有屏幕的条纹，请在学信网长按保存原图，不要翻拍屏幕"),
    "damaged": N_("二维码被遮挡或有破损，请在学信网重新保存原图"),
    "several": N_("图片中有多个二维码，请只上传您的图像采集码"),
    "too_large": N_("图片太大，请保存原图后上传"),
    "wrong_kind": N_("这个二维码不是图像采集码"),
    "unreadable_file": N_("文件无法打开，请上传 PNG 或 JPEG 图片"),
    "used": N_("这个采集码已被另一个订单使用"),
}

CODE_WAYS: Mapping[str, str] = {
    "no_code": N_("请确认选择的是从学信网保存的二维码图片，而不是网页截图或其他照片。"),
    "blurred": N_("在学信网打开采集码后长按，选择“保存图片”，再上传保存的那一张。"),
    "cropped": N_("二维码四周的白边是它的一部分。请上传没有裁剪过的图片。"),
    "too_small": N_("聊天软件转发会压缩图片。请在手机上直接保存原图再上传。"),
    "moire": N_("用手机直接打开学信网保存，不要对着电脑屏幕拍。"),
    "damaged": N_("水印、贴纸或涂改会遮住二维码。请重新保存一张完整的图片。"),
    "several": N_("有两个学籍的同学有两个采集码，请只上传本次毕业学籍的那一个。"),
    "too_large": N_("不需要拍摄整个屏幕；保存的原图通常不到 1 MB。"),
    "wrong_kind": N_("这可能是名片码、收款码或网址。图像采集码在学信网“学籍 → 查看图像采集码”中。"),
    "unreadable_file": N_("文件可能没有下载完整。请重新保存图片后上传。"),
    "used": N_("如果这确实是您本人的采集码，可以申请人工处理。"),
}
"""What to do about each fault, beside the sentence that says what is wrong."""

CODE_TAKEN = N_("经人工核实，这个采集码属于另一位同学，已从您的订单转出。请上传您本人的采集码。")
CODE_TAKEN_WAITS = N_("经人工核实，这个采集码属于另一位同学，已从您的订单转出。请先撤回审核，再上传您本人的采集码。")
"""What a student reads whose code staff moved away: while they may edit, and while the order waits for review."""

REQUEST_LABELS: Mapping[str, str] = {
    "open": N_("待答复"),
    "granted": N_("已同意"),
    "refused": N_("未同意"),
    "dropped": N_("已失效"),
}

REQUEST_KINDS: Mapping[str, str] = {
    "deletion": N_("删除个人数据"),
    "code": N_("处理采集码"),
}

SOURCES: Mapping[str, str] = {
    "album": N_("相册"),
    "camera": N_("拍照"),
    "camera_fallback": N_("拍照（系统相机，未验证）"),
    "onsite": N_("现场拍摄"),
}

CALLBACK_LABELS: Mapping[str, str] = {
    "paid": N_("入账，订单已支付"),
    "returned": N_("入账，订单已不能支付，自动退回"),
    "repeated": N_("重复回调，未重复入账"),
    "ignored": N_("与收款无关，未处理"),
    "unknown": N_("单号不是我方的，未入账"),
    "wrong_merchant": N_("商户号或应用不符，未入账"),
    "wrong_amount": N_("金额不符，未入账"),
    "wrong_currency": N_("币种不符，未入账"),
    "no_transaction": N_("缺少微信支付单号，未入账"),
    "other_transaction": N_("微信支付单号与已有记录冲突，未入账"),
    "refund_requested": N_("退款处理中"),
    "refund_processing": N_("退款处理中"),
    "refund_succeeded": N_("退款成功"),
    "refund_failed": N_("退款失败"),
}

PLAIN_CALLBACKS = (
    "paid",
    "returned",
    "repeated",
    "ignored",
    "refund_requested",
    "refund_processing",
    "refund_succeeded",
)
"""Outcomes of callbacks that nobody has to look at."""

ODD_CALLBACKS = tuple(outcome for outcome in CALLBACK_LABELS if outcome not in PLAIN_CALLBACKS)
"""Outcomes of genuine callbacks that fitted nothing, or tell of a failure."""

QUERY_FAULTS = (
    "unknown", "wrong_merchant", "wrong_amount", "wrong_currency", "no_transaction", "other_transaction",
)  # fmt: skip
"""Why WeChat's answer to a query can be no payment of ours."""

BILL_FAULTS = ("unreadable", "twice", "summary")
"""What can be wrong with a bill itself."""

DIFFERENCE_LABELS: Mapping[str, str] = {
    "payment_missing_here": N_("我方缺少收款"),
    "payment_missing_there": N_("微信缺少收款"),
    "payment_amount": N_("收款金额不同"),
    "payment_transaction": N_("微信支付单号不同"),
    "refund_missing_here": N_("我方缺少退款"),
    "refund_missing_there": N_("微信缺少退款"),
    "refund_amount": N_("退款金额不同"),
    "refund_state": N_("微信已退款，我方未完成"),
    "unreadable": N_("账单中有无法识别的行"),
    "twice": N_("账单中有重复的单号"),
    "summary": N_("账单明细与汇总不符"),
    **{code: CALLBACK_LABELS[code] for code in QUERY_FAULTS},
}

REFUND_FAILURES: Mapping[str, str] = {
    "NOT_ENOUGH": N_("商户余额不足，充值后会自动重试"),
    "BUSY": N_("微信没有应答，会自动重试"),
    "ABNORMAL": N_("用户收款账户异常，请先在微信商户平台处理，再重试"),
    "CLOSED": N_("微信已关闭这笔退款，请重试"),
    "OVER_ONE_YEAR": N_("支付已超过一年，微信不再受理，请线下退回"),
    "RESOURCE_NOT_EXISTS": N_("微信没有这笔交易，请核对商户号"),
    "INVALID_REQUEST": N_("微信拒绝了请求，可能已在商户平台退款，请核对"),
}

PAYMENT_LABELS: Mapping[str, str] = {
    "open": N_("未支付"),
    "closed": N_("已关闭"),
    "paid": N_("已支付"),
    "disputed": N_("待人工核对"),
}

METHOD_LABELS: Mapping[str, str] = {
    "native": N_("扫码"),
    "jsapi": N_("微信内"),
}

STAGE_LABELS: Mapping[str, str] = {
    **STATE_LABELS,
    "unfinished": N_("未完成"),
    "not_begun": N_("未开始"),
    "unreachable": N_("联系不上"),
    "done": N_("已通过"),
}
"""What a liaison's lists of students are called."""
