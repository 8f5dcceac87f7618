"""Looks at one photo."""

from __future__ import annotations

import logging

from app.adapters.storage import storage
from app.models import Photo
from app.rules.faults import StaleOrder
from app.services.photos import prechecks
from workers.checker import CheckerCrashed, CheckerFailed, CheckerHung, CheckerLost
from workers.jobs.checker_child import checker
from workers.outcome import Outcome

log = logging.getLogger(__name__)


def check_photo(photo_id: int) -> str:
    """Claim the photo, have the child look at it, keep what it says.

    Harmless twice: the claim takes only a photo that waits, and a late answer is dropped by its attempt. A lost child
    counts against the photo; any other fault leaves it to a person.
    """
    photo = prechecks.claim(photo_id)
    if photo is None:
        return "not waiting"
    attempt = photo.attempt
    try:
        outcome = _look(photo)
    except (CheckerHung, CheckerCrashed):
        log.warning("checker_lost photo=%s attempt=%s", photo_id, attempt)
        prechecks.crashed(photo_id, attempt)
        return "lost"
    except (CheckerFailed, OSError, ValueError):
        log.exception("check_impossible photo=%s attempt=%s", photo_id, attempt)
        prechecks.give_up(photo_id, attempt, "unavailable")
        return "gave up"
    except CheckerLost:
        log.warning("checker_missing photo=%s attempt=%s", photo_id, attempt)
        prechecks.again(photo_id, attempt)
        return "waits"
    _keep(photo_id, attempt, outcome)
    return str(outcome.report.verdict)


def _look(photo: Photo) -> Outcome:
    with storage().local(photo.original_key) as path:
        return checker().check(path, photo.rule.body, photo.background, policy=photo.background_policy)


def _keep(photo_id: int, attempt: int, outcome: Outcome) -> None:
    finding = prechecks.finding(outcome)
    for last in (False, False, True):  # the student may change the order in the very moment of keeping
        try:
            prechecks.keep(photo_id, attempt, finding)
            return
        except StaleOrder:
            if last:
                raise
