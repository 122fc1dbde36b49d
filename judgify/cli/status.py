"""`judgify status`: says what is wrong, in words to act on; exit code 1 when anything is."""

import asyncio
from typing import Annotated

import typer

from judgify.cli.console import EXIT_FAILURE, console, print_json
from judgify.cli.context import NO_STACK, DataDir, open_context
from judgify.stack.state import find_data_dir
from judgify.status.gather import gather, measure_disk
from judgify.status.problems import find_problems
from judgify.status.render import render, summary
from judgify.status.snapshot import Snapshot
from schemas.errors import FatalError

app = typer.Typer(add_completion=False)


@app.command()
def status(
    data_dir: DataDir = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what is wrong, in words to act on; else that all is well.

    Problems come first, each with where, since when, what it means and what to do. Exit code 1 when
    there is any. Takes at most 5 s, whatever is away.
    """
    try:
        snapshot = asyncio.run(gather(open_context(data_dir)))
    except FatalError as error:
        if str(error) != NO_STACK:
            raise
        found = find_data_dir(data_dir)
        snapshot = Snapshot(data_dir=str(found), stack_missing=True, disk=measure_disk(found))
    problems = find_problems(snapshot)
    if as_json:
        print_json(summary(snapshot, problems))
    else:
        render(snapshot, problems, console())
    if problems:
        raise typer.Exit(EXIT_FAILURE)
