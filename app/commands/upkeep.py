"""create-staff, sweep, demo-data."""

from __future__ import annotations

import click
from flask import Flask, current_app

from app.commands.database import uses_database
from app.rules.faults import Fault
from app.rules.states import STAFF_ROLES


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(create_staff)
    app.cli.add_command(recover_staff)
    app.cli.add_command(sweep)
    app.cli.add_command(demo_data)


@click.command("create-staff")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in STAFF_ROLES]))
@click.option("--school", "schools", multiple=True, help="School code; needed for --role school.")
@click.password_option(help="Asked for when not given.")
@uses_database
def create_staff(name: str, roles: tuple[str, ...], schools: tuple[str, ...], password: str) -> None:
    """Create a member of staff."""
    from app.services.access.staff import create

    try:
        staff = create(name, roles, schools, password)
    except Fault as fault:
        raise click.ClickException(fault.sentence % fault.values) from None
    click.echo(f"Created {staff.name} ({', '.join(sorted(staff.roles))}).")
    if current_app.config["TOTP_REQUIRED"]:
        click.echo("The second factor is set up at the first sign-in.")


@click.command("recover-staff")
@click.argument("name")
@click.option("--cause", required=True, help="Why, for the audit log.")
@click.option("--second-factor", is_flag=True, help="The second factor is lost too: take it off.")
@uses_database
def recover_staff(name: str, cause: str, second_factor: bool) -> None:
    """Let in somebody who is locked out: prints a password that is good for one sign-in."""
    from sqlalchemy import select

    from app.extensions import db
    from app.models import Staff
    from app.services.access.staff import recover

    staff_id = db.session.scalar(select(Staff.id).where(Staff.name == name))
    if staff_id is None:
        raise click.ClickException(f"there is no member of staff called {name}")
    try:
        password = recover(staff_id, None, cause, second_factor_too=second_factor)
    except Fault as fault:
        raise click.ClickException(fault.sentence % fault.values) from None
    click.echo(f"Password for one sign-in: {password}")


@click.command("sweep")
@click.option("--quiet", is_flag=True, help="Print only what was done.")
@uses_database
def sweep(quiet: bool) -> None:
    """Requeue lost jobs, expire unpaid orders, reconcile payments."""
    from app.services.upkeep.sweep import run

    for name, count in run().items():
        if count or not quiet:
            click.echo(f"sweep: {name}: {count}" if quiet else f"{name}: {count}")


@click.command("demo-data")
@uses_database
def demo_data() -> None:
    """Fill an empty database with a demo school; its portraits are drawn by our own code."""
    from app.demo.school import fill

    fill(click.echo)
