"""`judgify run NAME`: one process in the foreground."""

import importlib
from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.console import fail
from judgify.cli.context import open_context
from judgify.cli.port_option import parse_port
from judgify.processes.host import MakeSpec, run_process

PROCESSES: Final = ("rule-agent", "llm-agent", "postgres-sink")

app = typer.Typer(add_completion=False)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(PROCESSES)}.")],
    port: Annotated[
        str | None, typer.Option(help="Port of /health, /ready, /metrics, /status; `auto`: any.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Data directory of the local stack to work with.")
    ] = None,
) -> None:
    """Start one process; SIGTERM ends it within 10 s, with nothing lost."""
    if name not in PROCESSES:
        fail(f"no process is called {name}", f"one of: {', '.join(PROCESSES)}", code=2)
    given = None if port is None else parse_port(port)
    run_process(name, load_process(name), open_context(data_dir).settings, given)


def load_process(name: str) -> MakeSpec:
    """Return what makes the process `name`, one of `PROCESSES`.

    Its module alone is loaded: no process pays for the libraries of another, nor reports on a
    dependency that it does not have.
    """
    module = importlib.import_module(f"judgify.processes.{name.replace('-', '_')}")
    make_spec: MakeSpec = module.make_spec
    return make_spec
