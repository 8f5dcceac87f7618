"""Queries that all figures and lists share: a campaign's live orders, with college and class as the roster has them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from app.extensions import db
from app.models import Campaign, Form, Order, RosterEntry
from app.rules.states import LIVE


def _same_student() -> ColumnElement[bool]:
    return and_(RosterEntry.campaign_id == Order.campaign_id, RosterEntry.student_no == Form.student_no)


def its_college() -> ColumnElement[str]:
    """As the roster has it, else as the student typed it."""
    return func.coalesce(func.nullif(RosterEntry.college, ""), Form.college, "")


def its_class() -> ColumnElement[str]:
    """As the roster has it, else as the student typed it."""
    return func.coalesce(func.nullif(RosterEntry.class_name, ""), Form.class_name, "")


def live_orders(found: Campaign, *columns: Any) -> Select[Any]:
    """These columns of every live order, beside its form and its roster entry where there are any."""
    return (
        select(*columns)
        .select_from(Order)
        .outerjoin(Form, Form.id == Order.form_id)
        .outerjoin(RosterEntry, _same_student())
        .where(Order.campaign_id == found.id, Order.state.in_([state.value for state in LIVE]))
    )


def has_order(campaign_id: int) -> ColumnElement[bool]:
    """Whether a roster entry of this campaign belongs to a student who has a live order in it.

    The students with an order are listed once; asked for entry by entry, SQLite went through all orders each time.
    """
    students = (
        select(Form.student_no)
        .join(Order, Order.form_id == Form.id)
        .where(Order.campaign_id == campaign_id, Order.state.in_([state.value for state in LIVE]))
    )
    return RosterEntry.student_no.in_(students)


def begun(entry: RosterEntry) -> bool:
    """Whether this expected student has a live order."""
    query = select(RosterEntry.id).where(RosterEntry.id == entry.id, has_order(entry.campaign_id))
    return db.session.scalar(query) is not None
