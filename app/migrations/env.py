"""Alembic's way in: the app's own engine and tables."""

from alembic import context

from app.extensions import db


def run() -> None:
    """Migrate the running app's database; batch mode, because SQLite alters a table by copying it."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
