"""Indexes for the queue: resubmitted orders first, the few photos to be looked at by a person, orders by reason."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WAITS = sa.text("state = 'pending_review'")
OF_FEW = (
    ("ix_photo_asked", sa.text("human_review_requested_at IS NOT NULL")),
    ("ix_photo_sampled", sa.text("sampled_at IS NOT NULL")),
)


WAITS_AGAIN = sa.text("state = 'pending_review' AND decision_id IS NOT NULL")
FIRST = sa.text("(CASE WHEN decision_id IS NULL THEN 1 ELSE 0 END)")


def upgrade() -> None:
    op.drop_index("ix_order_wait_again", "order")
    columns = [FIRST, "state_since", "id"]
    op.create_index("ix_order_wait_first", "order", columns, sqlite_where=WAITS, postgresql_where=WAITS)
    for name, where in OF_FEW:
        op.create_index(name, "photo", ["id"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_decision_reason_code", "decision_reason", ["code", "decision_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ANALYZE "order"')  # how many of those that wait are resubmitted is known of the index only


def downgrade() -> None:
    op.drop_index("ix_decision_reason_code", "decision_reason")
    for name, _where in reversed(OF_FEW):
        op.drop_index(name, "photo")
    op.drop_index("ix_order_wait_first", "order")
    again = ["state_since", "id"]
    op.create_index("ix_order_wait_again", "order", again, sqlite_where=WAITS_AGAIN, postgresql_where=WAITS_AGAIN)
