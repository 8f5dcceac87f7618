"""Staff sessions, recovery codes, sign-in attempts, versions of reasons, where rules come from, the pulse."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = app.models.types.UTCDateTime
    op.create_table('staff_session',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('token_sha256', sa.String(), nullable=False),
        sa.Column('address', sa.String(), nullable=False),
        sa.Column('agent', sa.String(), nullable=False),
        sa.Column('created_at', moment(timezone=True), nullable=False),
        sa.Column('seen_at', moment(timezone=True), nullable=False),
        sa.Column('ended_at', moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_staff_session_staff_id_staff'),
        sa.PrimaryKeyConstraint('id', name='pk_staff_session'),
        sa.UniqueConstraint('token_sha256', name='uq_staff_session_token_sha256'),
    )
    op.create_index('ix_staff_session_staff_id', 'staff_session', ['staff_id'])
    op.create_table('recovery_code',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(), nullable=False),
        sa.Column('used_at', moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_recovery_code_staff_id_staff'),
        sa.PrimaryKeyConstraint('id', name='pk_recovery_code'),
    )
    op.create_index('ix_recovery_code_staff_id', 'recovery_code', ['staff_id'])
    op.create_table('sign_in_attempt',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('key', sa.String(), nullable=False),
        sa.Column('at', moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_sign_in_attempt'),
    )
    op.create_index('ix_sign_in_attempt_key_at', 'sign_in_attempt', ['key', 'at'])
    op.create_index('ix_sign_in_attempt_at', 'sign_in_attempt', ['at'])
    op.create_table('reason_version',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('reason_id', sa.Integer(), nullable=False),
        sa.Column('no', sa.Integer(), nullable=False),
        sa.Column('label', sa.String(), nullable=False),
        sa.Column('text_zh', sa.String(), nullable=False),
        sa.Column('text_en', sa.String(), nullable=False),
        sa.Column('target', sa.String(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=True),
        sa.Column('at', moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['reason_id'], ['reason.id'], name='fk_reason_version_reason_id_reason'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_reason_version_staff_id_staff'),
        sa.PrimaryKeyConstraint('id', name='pk_reason_version'),
        sa.UniqueConstraint('reason_id', 'no', name='uq_reason_version_reason_id_no'),
    )
    op.create_table('pulse',
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('at', moment(timezone=True), nullable=False),
        sa.Column('note', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_pulse'),
    )
    # Plain ALTERs: SQLite would otherwise copy `staff` and `rule`, to which other tables' rows point.
    for column, other in (('made_from_id', 'rule'), ('staff_id', 'staff')):
        name = f'fk_rule_{column}_{other}'
        op.execute(f'ALTER TABLE rule ADD COLUMN {column} INTEGER CONSTRAINT {name} REFERENCES {other} (id)')
    op.add_column('rule', sa.Column('cause', sa.String(), nullable=False, server_default=''))
    op.add_column('staff', sa.Column('must_change_password', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('staff', sa.Column('totp_confirmed_at', moment(timezone=True), nullable=True))
    op.add_column('staff', sa.Column('totp_step', sa.Integer(), nullable=False, server_default='0'))
    op.execute('ALTER TABLE staff DROP COLUMN session_epoch')
    op.execute("UPDATE staff SET totp_confirmed_at = created_at WHERE totp_secret IS NOT NULL")


def downgrade() -> None:
    op.add_column('staff', sa.Column('session_epoch', sa.Integer(), nullable=False, server_default='0'))
    for table, columns in (
        ('staff', ('totp_step', 'totp_confirmed_at', 'must_change_password')),
        ('rule', ('cause', 'staff_id', 'made_from_id')),
    ):
        for column in columns:
            if column.endswith('_id') and op.get_bind().dialect.name == 'sqlite':
                continue  # SQLite cannot drop a column with a foreign key; nobody reads it
            op.execute(f'ALTER TABLE {table} DROP COLUMN {column}')
    for table in ('pulse', 'reason_version', 'sign_in_attempt', 'recovery_code', 'staff_session'):
        op.drop_table(table)
