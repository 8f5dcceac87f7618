"""The student's side of an order, one module a step; views and commands use what is named here."""

from app.services.submissions.campaigns import campaign_by_code, campaign_by_id, is_open, last_campaign, open_campaigns
from app.services.submissions.code import ask_person_for_code, upload_code
from app.services.submissions.form import keep_typed, pick_lists, save_form, typed
from app.services.submissions.onsite import add_onsite_photo, submit_onsite
from app.services.submissions.photo import add_photo, ask_person, photo_ready, tries_left
from app.services.submissions.shown import (
    account_orders,
    changed_since,
    decision_shown,
    events_shown,
    live_order,
    owned,
    owned_photo,
    payment_of,
    reasons_of,
    refund_of,
    rejected_photo,
    review_by,
    state_shown,
    under_appeal,
)
from app.services.submissions.start import STUDENT, new_number, start
from app.services.submissions.submit import (
    appeal,
    cancel,
    discard,
    edit,
    missing,
    resubmit,
    submit,
    withdraw,
)
from app.services.submissions.uploads import PICTURES, picture_suffix

__all__ = [
    "PICTURES",
    "STUDENT",
    "account_orders",
    "add_onsite_photo",
    "add_photo",
    "appeal",
    "ask_person",
    "ask_person_for_code",
    "campaign_by_code",
    "campaign_by_id",
    "cancel",
    "changed_since",
    "decision_shown",
    "discard",
    "edit",
    "events_shown",
    "is_open",
    "keep_typed",
    "last_campaign",
    "live_order",
    "missing",
    "new_number",
    "open_campaigns",
    "owned",
    "owned_photo",
    "payment_of",
    "photo_ready",
    "pick_lists",
    "picture_suffix",
    "reasons_of",
    "refund_of",
    "rejected_photo",
    "resubmit",
    "review_by",
    "save_form",
    "start",
    "state_shown",
    "submit",
    "submit_onsite",
    "tries_left",
    "typed",
    "under_appeal",
    "upload_code",
    "withdraw",
]
