"""samples."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('photo', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sampled_at', app.models.types.UTCDateTime(timezone=True), nullable=True))
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.drop_index('ix_decision_staff_id')
        batch_op.create_index('ix_decision_staff', ['staff_id', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.drop_index('ix_decision_staff')
        batch_op.create_index('ix_decision_staff_id', ['staff_id'], unique=False)
    with op.batch_alter_table('photo', schema=None) as batch_op:
        batch_op.drop_column('sampled_at')
