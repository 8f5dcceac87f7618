"""Photos that a studio took on site: matched to orders, checked like any other, submitted for the student.

Nothing is lost and nothing is taken twice: a photo goes to its order, or waits in the tray for a person, and the same
bytes again are recognised. So an import that was stopped is simply run again.
"""

from app.services.schools.onsite.owners import NOT_EDITABLE, SEVERAL, UNKNOWN, by_student, campaign, read_map
from app.services.schools.onsite.submitting import OnsiteOrder, drafts, submit_ready
from app.services.schools.onsite.taking import IMPORTED, KNOWN, REFUSED, UNMATCHED, Taken, known, take
from app.services.schools.onsite.tray import PAGE, assign, assign_to, drop, match_waiting, tidy, waiting, waiting_page

__all__ = [
    "IMPORTED", "KNOWN", "NOT_EDITABLE", "PAGE", "REFUSED", "SEVERAL", "UNKNOWN", "UNMATCHED", "OnsiteOrder", "Taken",
    "assign", "assign_to", "by_student", "campaign", "drafts", "drop", "known", "match_waiting", "read_map",
    "submit_ready", "take", "tidy", "waiting", "waiting_page",
]  # fmt: skip
