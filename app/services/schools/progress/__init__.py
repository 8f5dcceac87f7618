"""How far a campaign is: by college and class, and who still has something to do."""

from app.services.schools.progress.figures import Progress, altogether, by_class, by_college, figures
from app.services.schools.progress.orders import begun, has_order
from app.services.schools.progress.students import PAGE, STAGES, Line, counts, every_line, lines, numbers

__all__ = [
    "PAGE", "STAGES", "Line", "Progress", "altogether", "begun", "by_class", "by_college", "counts", "every_line",
    "figures", "has_order", "lines", "numbers",
]  # fmt: skip
