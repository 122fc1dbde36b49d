"""`judgify down`: stops the local stack, whoever started it."""

import typer

from judgify.cli.console import say
from judgify.cli.context import DataDir
from judgify.stack.launch import stop_stack
from judgify.stack.state import find_data_dir

app = typer.Typer()


@app.command()
def down(data_dir: DataDir = None) -> None:
    """Stop the agents, then PostgreSQL, Valkey and Kafka. The data stays."""
    found = find_data_dir(data_dir)
    stopped = stop_stack(found)
    say(f"stopped; the data stays in {found}" if stopped else f"no stack is running in {found}")
