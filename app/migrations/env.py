"""Alembic's way in: the app's own engine and tables."""

from alembic import context
from sqlalchemy import Connection

from app.extensions import db


def run() -> None:
    """Migrate the running app's database; batch mode, because SQLite alters a table by copying it.

    While it does, rows of other tables point at a table that is gone: SQLite's own recipe is to look at foreign keys
    afterwards (sqlite.org/lang_altertable.html, section 7). Raises RuntimeError when one points nowhere then.
    """
    with db.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _foreign_keys(connection, "OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=sqlite,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise RuntimeError("after this migration a row would point nowhere: nothing was changed")
        connection.commit()
        if sqlite:
            _foreign_keys(connection, "ON")


def _foreign_keys(connection: Connection, value: str) -> None:
    """Told to the driver's connection: inside a transaction SQLite passes this over in silence."""
    connection.rollback()
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.cursor().execute(f"PRAGMA foreign_keys={value}")


run()
