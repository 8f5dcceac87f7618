"""A batch names its previous one in what it froze; the column beside it was never read."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('batch') as table:
        table.drop_constraint('fk_batch_previous_id_batch', type_='foreignkey')
        table.drop_column('previous_id')


def downgrade() -> None:
    with op.batch_alter_table('batch') as table:
        table.add_column(sa.Column('previous_id', sa.Integer(), nullable=True))
        table.create_foreign_key('fk_batch_previous_id_batch', 'batch', ['previous_id'], ['id'])
