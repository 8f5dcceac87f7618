"""Domain errors and HTTP errors become pages or fragments here, and nowhere else."""

from __future__ import annotations

from typing import Any

from flask import Flask, render_template, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.rules.faults import Fault
from app.rules.text import N_

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


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(Fault, _fault)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _page(status: int, sentence: str, fields: dict[str, str] | None = None) -> Any:
    template = "errors/_alert.html" if request.headers.get("HX-Request") else "errors/page.html"
    return render_template(template, status=status, sentence=sentence, fields=fields or {}), status


def _fault(fault: Fault) -> Any:
    fields = {name: gettext(text) for name, text in getattr(fault, "fields", {}).items()}
    return _page(fault.status, gettext(fault.sentence, **fault.values), fields)


def _csrf(_error: CSRFError) -> Any:
    return _page(400, gettext("页面已过期，请刷新后重试"))


def _http(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error
    return _page(status, gettext(SENTENCES.get(status, SENTENCES[500 if status >= 500 else 400])))


def _unexpected(error: Exception) -> Any:
    from flask import current_app

    current_app.logger.error("unexpected endpoint=%s error=%s", request.endpoint, type(error).__name__, exc_info=error)
    if current_app.testing:
        raise error
    return _page(500, gettext(SENTENCES[500]))
