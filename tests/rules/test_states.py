"""The order's life, written out once more as the specification states it: every action, every state, every role."""

from __future__ import annotations

import itertools

import pytest

from app.rules.states import LIVE, TRANSITIONS, Action, OrderState, Role, allowed, find

# action: {from: to}, who. Copied by hand from the product's table, on purpose not derived from the code.
SPECIFICATION = {
    "submit": ("draft", "pending_payment pending_review", "student producer"),
    "discard": ("draft", "cancelled", "student"),
    "edit": ("pending_payment", "draft", "student"),
    "pay": ("pending_payment", "pending_review", "system"),
    "waive": ("pending_payment", "pending_review", "admin system"),
    "cancel": ("pending_payment", "cancelled", "student"),
    "expire": ("draft pending_payment", "cancelled", "system"),
    "withdraw": ("pending_review", "revising", "student"),
    "approve": ("pending_review", "pending_production", "reviewer lead"),
    "reject": ("pending_review", "rejected", "reviewer lead"),
    "undo": ("pending_production rejected", "pending_review", "reviewer lead"),
    "resubmit": ("rejected revising", "pending_review", "student"),
    "appeal": ("rejected", "pending_review", "student"),
    "recall": ("rejected pending_production in_production", "pending_review", "lead producer admin"),
    "export": ("pending_production in_production", "in_production", "producer"),
    "release": ("in_production", "pending_production", "producer"),
    "deliver": ("in_production", "completed", "producer"),
    "close": ("pending_review rejected revising pending_production", "refunded cancelled", "system admin"),
    "refund": ("pending_review rejected revising pending_production", "refunded", "finance admin"),
}

EVERYTHING = list(itertools.product(Action, OrderState, Role))


def specified(action: Action, state: OrderState, role: Role) -> set[str] | None:
    """The targets that the specification admits, or None."""
    if (action, state, role) == (Action.RECALL, OrderState.COMPLETED, Role.ADMIN):
        return {"pending_review"}  # a delivered photo is called back by an admin only
    sources, targets, roles = SPECIFICATION[action.value]
    return set(targets.split()) if state in sources.split() and role in roles.split() else None


def test_it_knows_every_action_of_the_specification() -> None:
    assert {action.value for action in Action} == set(SPECIFICATION)


@pytest.mark.parametrize("action", Action)
def test_every_action_in_every_state_by_every_role(action: Action) -> None:
    for state, role in itertools.product(OrderState, Role):
        found = find(action, state, role)
        assert (set(found.targets) if found else None) == specified(action, state, role), (action, state, role)


def test_allowed_offers_exactly_what_find_admits() -> None:
    for state, role in itertools.product(OrderState, Role):
        assert allowed(state, {role}) == {a for a in Action if find(a, state, role)}


def test_every_state_can_be_reached_from_draft() -> None:
    reached = {OrderState.DRAFT}
    for _ in OrderState:
        reached |= {target for t in TRANSITIONS if t.sources & reached for target in t.targets}
    assert reached == set(OrderState)


def test_only_ended_orders_have_no_way_on() -> None:
    final = {state for state in OrderState if not any(state in t.sources for t in TRANSITIONS)}
    assert final == {OrderState.CANCELLED, OrderState.REFUNDED}
    assert set(OrderState) - final == LIVE


def test_a_school_liaison_moves_no_order() -> None:
    assert all(Role.SCHOOL not in t.roles for t in TRANSITIONS)
