"""The order's life as data: states, actions, who may do what from where. The one table that everything asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands (stored)."""

    DRAFT = "draft"
    PENDING_PAYMENT = "pending_payment"
    PENDING_REVIEW = "pending_review"
    REJECTED = "rejected"
    REVISING = "revising"
    PENDING_PRODUCTION = "pending_production"
    IN_PRODUCTION = "in_production"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Role(StrEnum):
    """Who acts. `system` is the program itself; a staff member may hold several of the others."""

    STUDENT = "student"
    REVIEWER = "reviewer"
    LEAD = "lead"
    PRODUCER = "producer"
    SCHOOL = "school"
    FINANCE = "finance"
    ADMIN = "admin"
    SYSTEM = "system"


STAFF_ROLES = (Role.REVIEWER, Role.LEAD, Role.PRODUCER, Role.SCHOOL, Role.FINANCE, Role.ADMIN)


class Action(StrEnum):
    """What somebody does to an order."""

    SUBMIT = "submit"
    DISCARD = "discard"
    EDIT = "edit"
    PAY = "pay"
    WAIVE = "waive"
    CANCEL = "cancel"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"
    RESUBMIT = "resubmit"
    APPEAL = "appeal"
    RECALL = "recall"
    EXPORT = "export"
    RELEASE = "release"
    DELIVER = "deliver"
    CLOSE = "close"
    REFUND = "refund"


@dataclass(frozen=True)
class Transition:
    """One row: `action` moves an order from any of `sources` to one of `targets` when one of `roles` does it."""

    action: Action
    sources: frozenset[OrderState]
    targets: frozenset[OrderState]
    roles: frozenset[Role]


def _row(action: Action, sources: str, targets: str, roles: str) -> Transition:
    return Transition(
        action,
        frozenset(map(OrderState, sources.split())),
        frozenset(map(OrderState, targets.split())),
        frozenset(map(Role, roles.split())),
    )


_CLOSABLE = "pending_review rejected revising pending_production"

TRANSITIONS: tuple[Transition, ...] = (
    _row(Action.SUBMIT, "draft", "pending_payment pending_review", "student producer"),
    _row(Action.DISCARD, "draft", "cancelled", "student"),
    _row(Action.EDIT, "pending_payment", "draft", "student"),
    _row(Action.PAY, "pending_payment", "pending_review", "system"),
    _row(Action.WAIVE, "pending_payment", "pending_review", "admin system"),
    _row(Action.CANCEL, "pending_payment", "cancelled", "student"),
    _row(Action.EXPIRE, "draft pending_payment", "cancelled", "system"),
    _row(Action.WITHDRAW, "pending_review", "revising", "student"),
    _row(Action.APPROVE, "pending_review", "pending_production", "reviewer lead"),
    _row(Action.REJECT, "pending_review", "rejected", "reviewer lead"),
    _row(Action.UNDO, "pending_production rejected", "pending_review", "reviewer lead"),
    _row(Action.RESUBMIT, "rejected revising", "pending_review", "student"),
    _row(Action.APPEAL, "rejected", "pending_review", "student"),
    _row(Action.RECALL, "rejected pending_production in_production", "pending_review", "lead producer admin"),
    _row(Action.RECALL, "completed", "pending_review", "admin"),
    _row(Action.EXPORT, "pending_production in_production", "in_production", "producer"),
    _row(Action.RELEASE, "in_production", "pending_production", "producer"),
    _row(Action.DELIVER, "in_production", "completed", "producer"),
    _row(Action.CLOSE, _CLOSABLE, "refunded cancelled", "system admin"),
    _row(Action.REFUND, _CLOSABLE, "refunded", "finance admin"),
)

LIVE = frozenset(OrderState) - {OrderState.CANCELLED, OrderState.REFUNDED}
"""States in which an order holds its collection code and its place as the student's one order of the campaign."""

EDITABLE = frozenset({OrderState.DRAFT, OrderState.REJECTED, OrderState.REVISING})
"""States in which the student may change form and photo."""

UNFINISHED = frozenset({OrderState.DRAFT, OrderState.PENDING_PAYMENT, OrderState.REJECTED, OrderState.REVISING})
"""States in which it is the student's turn: they are reminded, and nothing waits for staff."""


def find(action: Action, state: OrderState, role: Role) -> Transition | None:
    """The row that lets `role` do `action` from `state`, or None."""
    return next(
        (t for t in TRANSITIONS if t.action is action and state in t.sources and role in t.roles),
        None,
    )


def allowed(state: OrderState, roles: frozenset[Role] | set[Role]) -> frozenset[Action]:
    """The actions that somebody with these roles may do from `state`: for buttons, forms and guards alike."""
    return frozenset(t.action for t in TRANSITIONS if state in t.sources and t.roles & roles)
