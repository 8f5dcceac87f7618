"""What the clock and crashes leave behind, put right. Every step can run twice and beside itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module

from app.services.upkeep import health

log = logging.getLogger(__name__)

STEPS: tuple[tuple[str, str], ...] = (
    ("photos queued again", "app.services.photos.prechecks:requeue_lost"),
    ("codes queued again", "app.services.photos.codes:requeue_lost"),
    ("payments asked", "app.services.money.polling:poll_due"),
    ("refunds driven on", "app.services.money.refunds:drive_due"),
    ("campaigns ended", "app.services.schools.endings:end_due"),
    ("orders expired", "app.services.upkeep.expiry:expire_due"),
    ("campaigns closed", "app.services.upkeep.expiry:close_due"),
    ("certificates fetched", "app.services.money.polling:refresh_certificates"),
    ("bills compared", "app.services.money.reconciliation:compare_due"),
    ("rosters imported on", "app.services.schools.roster_imports:resume_lost"),
    ("studio photos matched", "app.services.schools.onsite:match_waiting"),
    ("batches built on", "app.services.batches:resume_lost"),
    ("discarded batches cleared", "app.services.batches:clear_discarded"),
    ("withdrawn orders ended", "app.services.students.consents:end_withdrawn"),
    ("deletions carried out", "app.services.students.deletions:carry_out_due"),
    ("reminders written", "app.services.schools.reminders:due"),
    ("review days counted", "app.services.review.tallies:keep_due"),
    ("notices sent", "app.services.notices:send_due"),
)


def run() -> dict[str, int | str]:
    """Run every step; one that fails is logged and does not stop the others. Returns what each did."""
    done: dict[str, int | str] = {}
    for name, address in STEPS:
        module, _, function = address.partition(":")
        step: Callable[[], int] = getattr(import_module(module), function)
        try:
            done[name] = step()
        except Exception as error:
            log.exception("sweep_step_failed step=%s", address)
            done[name] = type(error).__name__
    health.beat("sweep", done)
    return done
