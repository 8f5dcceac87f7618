"""An account without a person says since when."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('account', sa.Column('erased_at', app.models.types.UTCDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('account', 'erased_at')
