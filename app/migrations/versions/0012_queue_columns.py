"""The queue: an order that waits carries its photo's verdict and when it is due, with an index for each sorting."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

WAITS = sa.text("state = 'pending_review'")
WAITS_AGAIN = sa.text("state = 'pending_review' AND decision_id IS NOT NULL")
APPEALED = sa.text("appealed_at IS NOT NULL")
FAULTY = sa.text("verdict IN ('fail', 'warn')")
INDEXES = (
    ("ix_order_wait_verdict", "order", ["queue_verdict", "state_since", "id"], WAITS),
    ("ix_order_wait_due", "order", ["queue_due", "state_since", "id"], WAITS),
    ("ix_order_wait_again", "order", ["state_since", "id"], WAITS_AGAIN),
    ("ix_decision_appealed", "decision", ["id"], APPEALED),
    ("ix_check_faulty", "check", ["code", "photo_id"], FAULTY),
)
DAYS = "(SELECT review_days FROM campaign WHERE id = \"order\".campaign_id)"
DUE = {
    "postgresql": f"state_since + {DAYS} * interval '1 day'",
    "sqlite": f"strftime('%Y-%m-%d %H:%M:%f', state_since, '+' || {DAYS} || ' days') || '000'",
}


def upgrade() -> None:
    op.add_column('order', sa.Column('queue_verdict', sa.Integer(), nullable=True))
    op.add_column('order', sa.Column('queue_due', app.models.types.UTCDateTime(timezone=True), nullable=True))
    op.execute(
        'UPDATE "order" SET queue_verdict = COALESCE((SELECT CASE verdict WHEN \'failed\' THEN 0 WHEN \'review\' THEN 1'
        " WHEN 'passed' THEN 2 ELSE 3 END FROM photo WHERE photo.id = \"order\".photo_id), 3),"
        f" queue_due = {DUE[op.get_bind().dialect.name]} WHERE state = 'pending_review'"
    )
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table)
    op.drop_column('order', 'queue_due')
    op.drop_column('order', 'queue_verdict')
