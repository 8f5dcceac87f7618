"""Finance's pages find odd notices, days and differences without reading whole tables."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_payment_created_at", "payment", ["created_at"]),
    ("ix_refund_settled_at", "refund", ["settled_at"]),
    ("ix_notify_log_outcome", "notify_log", ["outcome", "at"]),
    ("ix_bill_difference_number", "bill_difference", ["number"]),
)


def upgrade() -> None:
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
