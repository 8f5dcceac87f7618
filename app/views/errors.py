"""Domain errors and HTTP errors become pages or fragments here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request, url_for
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, SecurityError

from app.rules.faults import Fault
from app.rules.text import N_
from app.services.students.consents import ConsentNeeded
from app.services.unit import only_busy, only_twin
from app.views import texts

Ways = Sequence[tuple[str, str]]
"""Links to go on with: label and address."""

SENTENCES = {
    400: N_("请求无法识别，请返回重试"),
    401: N_("请先登录"),
    403: N_("您没有权限进行此操作"),
    404: N_("没有找到您要的页面"),
    405: N_("请求无法识别，请返回重试"),
    413: N_("文件太大，请选择小于 30 MB 的文件"),
    429: N_("操作太频繁，请稍后再试"),
    500: N_("服务出了点问题，我们已记录。您的资料没有丢失，请稍后再试"),
    503: N_("服务繁忙，请稍后再试"),
}

TWIN = N_("刚刚有人提交了相同的内容，请返回查看；没有重复保存")
BUSY = N_("系统正忙，请再按一次；什么都没有丢失")


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(Fault, _fault)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(SecurityError, _strange_host)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OverflowError, _no_such_value)  # SQLite's driver, for a number over 64 bits
    app.register_error_handler(DataError, _no_such_value)  # PostgreSQL's, for that and for a NUL in a text
    app.register_error_handler(RecursionError, _no_such_value)  # JSON in ten thousand brackets
    app.register_error_handler(OperationalError, _operational)
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(NoConnection, _busy)
    app.register_error_handler(Exception, _unexpected)


def _page(status: int, sentence: str, fields: dict[str, str] | None = None, ways: Ways = ()) -> Any:
    template = "errors/_alert.html" if request.headers.get("HX-Request") else "errors/page.html"
    facts = {"status": status, "sentence": sentence, "fields": fields or {}}
    return render_template(template, **facts, ways=[*ways, (gettext("返回首页"), "/")]), status


def _ways(fault: Fault) -> Ways:
    """Where to go on from a fault: the consents, the step that was left, the order that has moved."""
    if isinstance(fault, ConsentNeeded):
        return [(gettext("阅读并同意"), url_for("site.privacy", next=_came_from()))]
    came = _came_from()
    return [(gettext("返回上一页"), came)] if came else []


def _came_from() -> str:
    """The page of ours that led here, or nothing."""
    try:
        came = urlsplit(request.referrer or "")
    except ValueError:  # no browser's: it does not even parse
        return ""
    return came.path if came.netloc == request.host else ""


def _fault(fault: Fault) -> Any:
    fields = {name: gettext(text) for name, text in getattr(fault, "fields", {}).items()}
    return _page(fault.status, texts.told(fault), fields, _ways(fault))


def _csrf(_error: CSRFError) -> Any:
    return _page(400, gettext("页面已过期，请刷新后重试"))


def _strange_host(_error: SecurityError) -> Any:
    """A host that is not ours: there is no address to build, so there is no page either."""
    return Response(gettext(SENTENCES[400]), 400, mimetype="text/plain")


def _http(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error
    return _page(status, gettext(SENTENCES.get(status, SENTENCES[500 if status >= 500 else 400])))


def _no_such_value(error: Exception) -> Any:
    """A number or a character that no column can hold was sent: the sender's fault, not a failure of ours."""
    current_app.logger.warning("impossible_value endpoint=%s error=%s", request.endpoint, type(error).__name__)
    return _page(400, gettext(SENTENCES[400]))


def _operational(error: OperationalError) -> Any:
    return _busy(error) if only_busy(error) else _unexpected(error)


def _integrity(error: IntegrityError) -> Any:
    """A form that was posted twice at the same moment, where the service asks before it writes: one of them is kept."""
    if not only_twin(error):
        return _unexpected(error)
    current_app.logger.error("twin endpoint=%s", request.endpoint, exc_info=error)
    return _page(409, gettext(TWIN))


def _busy(error: Exception) -> Any:
    """Others were writing for too long, or held every connection: nothing was kept, the same again will do."""
    current_app.logger.warning("database_busy endpoint=%s error=%s", request.endpoint, type(error).__name__)
    return *_page(503, gettext(BUSY)), {"Retry-After": "1"}


def _unexpected(error: Exception) -> Any:
    current_app.logger.error("unexpected endpoint=%s error=%s", request.endpoint, type(error).__name__, exc_info=error)
    if current_app.testing:
        raise error
    return _page(500, gettext(SENTENCES[500]))
