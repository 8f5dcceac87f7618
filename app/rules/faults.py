"""Domain errors. Each carries a sentence for the person (a catalogue key in Chinese) and becomes HTTP in one place."""

from __future__ import annotations

from app.rules.text import N_


class Fault(Exception):
    """Something a user can be told. `sentence` is a message key, `args` fill its %(name)s places."""

    status = 422
    sentence = N_("操作无法完成")

    def __init__(self, sentence: str = "", **values: object) -> None:
        self.sentence = sentence or type(self).sentence
        self.values = values
        super().__init__(self.sentence)


class NotFound(Fault):
    """The thing does not exist, or is not this person's."""

    status = 404
    sentence = N_("没有找到")


class NotAllowed(Fault):
    """The person may not do this."""

    status = 403
    sentence = N_("您没有权限进行此操作")


class StaleOrder(Fault):
    """Somebody else was first: the order has moved since the page was shown."""

    status = 409
    sentence = N_("该订单刚刚已被更新，已为您载入最新内容")


class ActionNotAllowed(Fault):
    """The order's state does not admit the action."""

    status = 409
    sentence = N_("订单当前状态不能进行此操作")


class Invalid(Fault):
    """Input that cannot be taken; `fields` says which field and why."""

    sentence = N_("请检查填写的内容")

    def __init__(self, sentence: str = "", fields: dict[str, str] | None = None, **values: object) -> None:
        super().__init__(sentence, **values)
        self.fields = fields or {}


class ReasonRequired(Invalid):
    """A rejection without an active reason."""

    sentence = N_("请至少选择一条驳回原因")


class TooLarge(Fault):
    """An upload beyond its limit."""

    status = 413
    sentence = N_("文件太大，请选择小于 %(mb)s MB 的文件")


class Busy(Fault):
    """An outside service did not answer."""

    status = 503
    sentence = N_("服务繁忙，请稍后再试")
