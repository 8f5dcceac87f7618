"""batches."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('batch_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('token_sha256', sa.String(), nullable=False),
    sa.Column('code_sha256', sa.String(), nullable=False),
    sa.Column('receiver', sa.String(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('created_at', app.models.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.models.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('wrong_codes', sa.Integer(), nullable=False),
    sa.Column('revoked_at', app.models.types.UTCDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], name=op.f('fk_batch_link_batch_id_batch')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_batch_link_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_link')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_batch_link_token_sha256'))
    )
    with op.batch_alter_table('batch_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_batch_link_batch_id'), ['batch_id'], unique=False)

    with op.batch_alter_table('batch', schema=None) as batch_op:
        batch_op.add_column(sa.Column('percent', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('fault', sa.String(), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('batch', schema=None) as batch_op:
        batch_op.drop_column('fault')
        batch_op.drop_column('percent')

    with op.batch_alter_table('batch_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_batch_link_batch_id'))

    op.drop_table('batch_link')
