"""What stands in the bar of the staff pages: for each person what their roles open, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, request
from flask_login import current_user

from app.models import Staff
from app.rules.text import N_


@dataclass(frozen=True)
class Item:
    """One entry; it is current on its own page and on those whose endpoint starts with one of `under`."""

    endpoint: str
    label: str
    under: tuple[str, ...] = ()

    @property
    def current(self) -> bool:
        """Whether the page that is shown belongs to it."""
        endpoint = request.endpoint or ""
        return endpoint == self.endpoint or any(endpoint.startswith(start) for start in self.under)


ITEMS = (
    Item("review.queue", N_("审核"), ("review.desk", "review.open_order")),
    Item("review.gallery", N_("批量通过")),
    Item("review.figures", N_("统计")),
    Item("review.reason_list", N_("驳回原因"), ("review.reason",)),
    Item("requests.index", N_("申请"), ("requests.",)),
    Item("production.index", N_("制作"), ("production.",)),
    Item("onsite.index", N_("现场照片"), ("onsite.",)),
    Item("schools.index", N_("学校"), ("schools.", "campaigns.", "rosters.", "delivery.")),
    Item("finance.index", N_("财务"), ("finance.",)),
    Item("photo_rules.index", N_("照片规则"), ("photo_rules.",)),
    Item("admin.index", N_("人员"), ("admin.person", "admin.create", "admin.recover", "admin.scope")),
    Item("admin.audit_log", N_("日志")),
    Item("ops.index", N_("运行"), ("ops.",)),
)


def items() -> list[Item]:
    """The entries for whoever is signed in: those whose page admits one of their roles."""
    if not isinstance(current_user._get_current_object(), Staff):
        return []
    return [item for item in ITEMS if current_user.roles & current_app.view_functions[item.endpoint].roles]


def init_app(app: Flask) -> None:
    """Offer the bar to templates."""
    app.jinja_env.globals["navigation"] = items
