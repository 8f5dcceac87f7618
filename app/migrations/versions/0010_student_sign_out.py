"""How often a student signed out: a cookie from before opens nothing any more."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('account', sa.Column('sign_outs', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    op.drop_column('account', 'sign_outs')
