"""What students allowed WeChat to tell them, one row a consent, instead of a counter on the order.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("scene", sa.Integer(), nullable=False),
        sa.Column("given_at", app.models.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", app.models.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "scene"),
    )
    op.drop_column("order", "notices_allowed")  # SQLite does it itself: rebuilding would touch every table that refers here


def downgrade() -> None:
    op.add_column("order", sa.Column("notices_allowed", sa.Integer(), nullable=False, server_default="0"))
    op.drop_table("notice_consent")
