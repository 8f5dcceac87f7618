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


def upgrade() -> None:
    first = [sa.text("(decision_id IS NULL)"), "state_since", "id"]
    op.create_index("ix_order_wait_first", "order", first, sqlite_where=WAITS, postgresql_where=WAITS)
    for name, where in OF_FEW:
        op.create_index(name, "photo", ["id"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_decision_reason_code", "decision_reason", ["code", "decision_id"])


def downgrade() -> None:
    op.drop_index("ix_decision_reason_code", "decision_reason")
    for name, _where in reversed(OF_FEW):
        op.drop_index(name, "photo")
    op.drop_index("ix_order_wait_first", "order")
