"""`judgify db`: brings the database to this release's schema, and says where it stands."""

import asyncio
from dataclasses import asdict

import typer

from judgify.cli.console import print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.prune import prune
from sinks.postgres.migrate import MigrationState, fetch_status
from sinks.postgres.migrate import upgrade as apply_pending

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bring the database to the newest schema, say where it stands, delete what is old.",
)
app.command()(prune)


@app.command()
def upgrade(data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """Apply the migrations that are pending; safe to run at any time, from several places."""
    applied = asyncio.run(apply_pending(open_context(data_dir).need_database()))
    if as_json:
        print_json({"applied": [_describe(state) for state in applied]})
        return
    for state in applied:
        say(f"applied {state.version:04d}_{state.name}")
    if not applied:
        say("the schema is up to date")


@app.command()
def status(data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """List the migrations; exit 1 when one is pending or was edited."""
    states = asyncio.run(fetch_status(open_context(data_dir).need_database()))
    behind = [state for state in states if state.state in {"pending", "edited"}]
    if as_json:
        print_json({"current": not behind, "migrations": [_describe(state) for state in states]})
    else:
        print_table(
            ("migration", "state", "applied at"),
            [(f"{it.version:04d}_{it.name}", it.state, _time(it)) for it in states],
        )
        say("do: judgify db upgrade" if behind else "the schema is up to date")
    raise typer.Exit(1 if behind else 0)


def _describe(state: MigrationState) -> dict[str, object]:
    return asdict(state) | {"applied_at": _time(state)}


def _time(state: MigrationState) -> str | None:
    return state.applied_at.isoformat(timespec="seconds") if state.applied_at else None
