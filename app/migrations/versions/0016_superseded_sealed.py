"""The files that a batch replaces rest encrypted: by the usual naming they are identity numbers."""

import json

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SEALED = app.models.types.Encrypted()
_BATCH = sa.table("batch", sa.column("id", sa.Integer), sa.column("header", sa.JSON), sa.column("replaced", _SEALED))


def upgrade() -> None:
    op.add_column("batch", sa.Column("replaced", _SEALED, nullable=True))
    _rewrite(lambda header, _: (_without(header), json.dumps(header.get("superseded", []))))


def downgrade() -> None:
    _rewrite(lambda header, sealed: (header | {"superseded": json.loads(sealed or "[]")}, None))
    op.drop_column("batch", "replaced")


def _rewrite(change):
    connection = op.get_bind()
    for number, header, sealed in connection.execute(sa.select(_BATCH)).all():
        header, sealed = change(header, sealed)
        connection.execute(sa.update(_BATCH).where(_BATCH.c.id == number).values(header=header, replaced=sealed))


def _without(header):
    return {name: value for name, value in header.items() if name != "superseded"}
