"""Money: what payments, refunds and notices state is append-only; trade bills are kept."""

import sqlalchemy as sa
from alembic import op

import app.models.types

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

TIME = app.models.types.UTCDateTime(timezone=True)
OPEN = sa.text("state = 'open'")


def _changed(*columns: str) -> str:
    return " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in columns)


def _written_once(*columns: str) -> str:
    return " OR ".join(f"(OLD.{name} IS NOT NULL AND NEW.{name} IS DISTINCT FROM OLD.{name})" for name in columns)


GUARDS = {
    "payment": " OR ".join([
        _changed("id", "order_id", "out_trade_no", "method", "amount_fen", "expires_at", "created_at"),
        _written_once("transaction_id", "paid_at", "evidence"),
        "(OLD.state = 'paid' AND NEW.state <> 'paid')",
        "(OLD.state <> 'paid' AND NEW.state = 'paid' AND"
        " (NEW.transaction_id IS NULL OR NEW.paid_at IS NULL OR NEW.evidence IS NULL))",
    ]),
    "refund": " OR ".join([
        _changed("id", "payment_id", "out_refund_no", "amount_fen", "cause", "staff_id", "created_at"),
        "(OLD.state = 'succeeded' AND (NEW.state <> 'succeeded' OR NEW.settled_at IS DISTINCT FROM OLD.settled_at))",
    ]),
    "notify_log": " OR ".join([
        _changed("id", "notify_id", "event_type", "out_trade_no", "transaction_id", "amount_fen", "at"),
        "(OLD.outcome <> '' AND NEW.outcome <> OLD.outcome)",
    ]),
}
"""By table: when an update is refused. Deleting is refused always."""


def upgrade() -> None:
    op.add_column("payment", sa.Column("evidence", sa.String(), nullable=True))
    op.add_column("notify_log", sa.Column("transaction_id", sa.String(), nullable=True))
    op.add_column("notify_log", sa.Column("amount_fen", sa.Integer(), nullable=True))
    op.execute("UPDATE payment SET evidence = 'query' WHERE state = 'paid'")
    op.create_index("ix_payment_state_id", "payment", ["state", "id"])
    op.create_index("ix_payment_paid_at", "payment", ["paid_at"])
    op.create_index("uq_payment_open", "payment", ["order_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.drop_index("ix_refund_payment_id", "refund")
    op.create_index("uq_refund_payment", "refund", ["payment_id"], unique=True)
    op.create_index("ix_refund_due", "refund", ["state", "next_try_at"])
    _bills()
    _guard()


def _bills() -> None:
    op.execute("ALTER TABLE bill_difference RENAME COLUMN out_trade_no TO number")
    with op.batch_alter_table("bill_difference") as table:
        table.add_column(sa.Column("resolved_at", TIME, nullable=True))
        table.add_column(sa.Column("note", sa.String(), nullable=False, server_default=sa.text("''")))
        table.add_column(sa.Column("staff_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_bill_difference_staff_id_staff", "staff", ["staff_id"], ["id"])
    op.create_index("ix_bill_difference_open", "bill_difference", ["resolved_at", "day"])
    op.create_table(
        "bill_day",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("compared_at", TIME, nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("payments_fen", sa.Integer(), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("refunds_fen", sa.Integer(), nullable=False),
        sa.Column("fee_text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_bill_day"),
    )
    op.create_table(
        "bill_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("out_trade_no", sa.String(), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bill_line"),
        sa.UniqueConstraint("day", "kind", "number", name="uq_bill_line_day_kind_number"),
    )
    op.create_index("ix_bill_line_number", "bill_line", ["number"])
    op.create_index("ix_bill_line_out_trade_no", "bill_line", ["out_trade_no"])


def _guard() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table, condition in GUARDS.items():
        for event, when in (("UPDATE", f"WHEN ({condition})"), ("DELETE", "")):
            name = f"{table}_{event.lower()}_refused"
            if postgresql:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when} "
                    "EXECUTE FUNCTION refuse_change()"
                )
            else:
                when = when.replace("IS DISTINCT FROM", "IS NOT")
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def downgrade() -> None:
    for table in GUARDS:
        for event in ("update", "delete"):
            on = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
            op.execute(f"DROP TRIGGER {table}_{event}_refused{on}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
    op.drop_table("bill_line")
    op.drop_table("bill_day")
    op.drop_index("ix_bill_difference_open", "bill_difference")
    with op.batch_alter_table("bill_difference") as table:
        table.drop_constraint("fk_bill_difference_staff_id_staff", type_="foreignkey")
        for name in ("staff_id", "note", "resolved_at"):
            table.drop_column(name)
    op.execute("ALTER TABLE bill_difference RENAME COLUMN number TO out_trade_no")
    op.drop_index("ix_refund_due", "refund")
    op.drop_index("uq_refund_payment", "refund")
    op.create_index("ix_refund_payment_id", "refund", ["payment_id"])
    for name in ("uq_payment_open", "ix_payment_paid_at", "ix_payment_state_id"):
        op.drop_index(name, "payment")
    op.drop_column("notify_log", "amount_fen")
    op.drop_column("notify_log", "transaction_id")
    op.drop_column("payment", "evidence")
