"""What students ask of staff has a table of its own, with the answers; a refused code keeps what was read."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_TIME = app.models.types.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'student_request',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('order_id', sa.Integer(), nullable=True),
        sa.Column('code_id', sa.Integer(), nullable=True),
        sa.Column('state', sa.String(), nullable=False),
        sa.Column('asked_at', _TIME, nullable=False),
        sa.Column('decided_at', _TIME, nullable=True),
        sa.Column('staff_id', sa.Integer(), nullable=True),
        sa.Column('answer', sa.String(), nullable=False),
        sa.Column('done_at', _TIME, nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id']),
        sa.ForeignKeyConstraint(['order_id'], ['order.id']),
        sa.ForeignKeyConstraint(['code_id'], ['code_image.id']),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id']),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('ix_student_request_account_id', 'student_request', ['account_id'])
    op.create_index('ix_student_request_order_id', 'student_request', ['order_id'])
    op.create_index('ix_student_request_state', 'student_request', ['state', 'asked_at'])
    for kind, column in (('deletion', 'account_id'), ('code', 'order_id')):
        where = sa.text(f"state = 'open' AND kind = '{kind}'")
        op.create_index(f'uq_student_request_open_{kind}', 'student_request', [column], unique=True,
                        sqlite_where=where, postgresql_where=where)
    op.add_column('code_image', sa.Column('claimed', sa.LargeBinary(), nullable=True))
    op.execute(
        "INSERT INTO student_request (kind, account_id, state, asked_at, answer) "
        "SELECT 'deletion', id, 'open', deletion_requested_at, '' FROM account "
        "WHERE deletion_requested_at IS NOT NULL AND erased_at IS NULL"
    )
    op.execute(
        "INSERT INTO student_request (kind, account_id, order_id, code_id, state, asked_at, answer) "
        "SELECT 'code', o.account_id, o.id, max(c.id), 'open', min(a.at), '' FROM audit a "
        "JOIN \"order\" o ON a.subject = 'order-' || o.id "
        "JOIN code_image c ON c.order_id = o.id AND c.released_at IS NULL AND c.fault = 'used' "
        "WHERE a.action = 'code.help_wanted' AND o.account_id IS NOT NULL GROUP BY o.id, o.account_id"
    )
    op.drop_column('account', 'deletion_requested_at')
    op.execute("UPDATE photo SET original_key = 'gone/deleted' WHERE original_key = 'deleted'")
    op.execute("UPDATE code_image SET key = 'gone/deleted' WHERE key = 'deleted'")


def downgrade() -> None:
    op.add_column('account', sa.Column('deletion_requested_at', _TIME, nullable=True))
    op.execute(
        "UPDATE account SET deletion_requested_at = (SELECT max(asked_at) FROM student_request r "
        "WHERE r.account_id = account.id AND r.kind = 'deletion' AND r.state = 'open')"
    )
    op.drop_column('code_image', 'claimed')
    op.drop_table('student_request')
