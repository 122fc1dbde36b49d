"""`judgify run NAME`: one process in the foreground."""

from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.console import fail
from judgify.cli.context import open_context
from judgify.cli.port_option import parse_port
from judgify.processes import postgres_sink, rule_agent
from judgify.processes.host import MakeSpec, run_process

PROCESSES: Final[dict[str, MakeSpec]] = {
    rule_agent.NAME: rule_agent.make_spec,
    postgres_sink.NAME: postgres_sink.make_spec,
}

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
    make_spec = PROCESSES.get(name)
    if make_spec is None:
        fail(f"no process is called {name}", f"one of: {', '.join(PROCESSES)}", code=2)
    given = None if port is None else parse_port(port)
    run_process(name, make_spec, open_context(data_dir).settings, given)
