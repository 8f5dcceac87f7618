"""What a receiver writes about a batch rests encrypted: it names people, and files by their identity numbers."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SEALED = app.models.types.Encrypted()
_COLUMNS = (("batch_difference", "subject"), ("batch_difference", "text"), ("batch", "acknowledgement"))


def upgrade() -> None:
    for table, column in _COLUMNS:
        _exchange(table, column, sa.String(), _SEALED)


def downgrade() -> None:
    for table, column in _COLUMNS:
        _exchange(table, column, _SEALED, sa.String())


def _exchange(table, column, old, new):
    """The column again with another type: the text is read with the old one and written with the new one."""
    op.add_column(table, sa.Column(f"new_{column}", new, nullable=True))
    rows = sa.table(table, sa.column("id", sa.Integer), sa.column(column, old), sa.column(f"new_{column}", new))
    connection = op.get_bind()
    for number, text in connection.execute(sa.select(rows.c.id, rows.c[column])).all():
        connection.execute(sa.update(rows).where(rows.c.id == number).values({f"new_{column}": text or ""}))
    op.drop_column(table, column)
    op.execute(f"ALTER TABLE {table} RENAME COLUMN new_{column} TO {column}")
    with op.batch_alter_table(table) as changed:
        changed.alter_column(column, existing_type=new, nullable=False)
