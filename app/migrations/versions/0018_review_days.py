"""Daily sums of the review, so that the statistics of a season need not read every decision; which rejections were fixed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _index(name, outcome, *columns):
    where = sa.text(f"outcome = '{outcome}' AND undone_at IS NULL")
    op.create_index(name, "decision", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    op.create_table(
        "review_day",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("sums", sa.JSON(), nullable=False),
    )
    _index("ix_decision_rejected", "rejected", "at", "order_id", "id")
    _index("ix_decision_approved", "approved", "order_id", "id")


def downgrade() -> None:
    op.drop_index("ix_decision_approved", "decision")
    op.drop_index("ix_decision_rejected", "decision")
    op.drop_table("review_day")
