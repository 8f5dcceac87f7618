"""Reasons have an English name for staff; the queue an index for the deadlines within a verdict."""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

SHIPPED = {
    "background": "Background",
    "light": "Light",
    "pose": "Pose",
    "expression": "Expression",
    "eyes": "Eyes",
    "covered": "Covered",
    "clothes": "Clothes",
    "blurred": "Blurred",
    "retouched": "Retouched",
    "other_person": "Not them",
    "name": "Wrong name",
    "id_no": "Wrong ID",
    "code": "Wrong code",
}
WAITS = sa.text("state = 'pending_review'")
COLUMNS = ['queue_verdict', 'queue_due', 'state_since', 'id']


def upgrade() -> None:
    for table in ('reason', 'reason_version'):
        op.add_column(table, sa.Column('label_en', sa.String(), nullable=False, server_default=''))
    reason = sa.table('reason', sa.column('code'), sa.column('label_en'))
    for code, label in SHIPPED.items():
        op.execute(reason.update().where(reason.c.code == code).values(label_en=label))
    op.create_index('ix_order_wait_verdict_due', 'order', COLUMNS, sqlite_where=WAITS, postgresql_where=WAITS)


def downgrade() -> None:
    op.drop_index('ix_order_wait_verdict_due', 'order')
    for table in ('reason_version', 'reason'):
        with op.batch_alter_table(table) as batch:
            batch.drop_column('label_en')
