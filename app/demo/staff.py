"""The demo's members of staff."""

from __future__ import annotations

from app.rules.states import Role
from app.rules.text import N_

DEMO_PASSWORD = "caixiang-demo"
DEMO_STAFF = (
    ("reviewer1", Role.REVIEWER, N_("审核员甲")),
    ("reviewer2", Role.REVIEWER, N_("审核员乙")),
    ("lead", Role.LEAD, N_("审核组长")),
    ("producer", Role.PRODUCER, N_("制作员")),
    ("school", Role.SCHOOL, N_("学校老师")),
    ("finance", Role.FINANCE, N_("财务")),
    ("admin", Role.ADMIN, N_("管理员")),
)
"""Name, role, label. They exist only where the demo was filled in, never in production."""
