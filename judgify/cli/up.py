"""`judgify up`: starts the local stack, in the foreground or behind us."""

from typing import Annotated, Final

import typer

from judgify.cli import console
from judgify.cli.context import DataDir
from judgify.cli.up_screen import open_screen
from judgify.stack.launch import start_stack
from judgify.stack.plan import StackOptions
from judgify.stack.state import find_data_dir
from judgify.stack.supervisor import Stopped, run_stack
from runtime.logs import configure_logging
from runtime.settings import load_settings

app = typer.Typer()

PORT_BASE_MAX: Final = 65_000


@app.command()
def up(
    data_dir: DataDir = None,
    port_base: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=PORT_BASE_MAX,
            help="Move all ports: agents to N+2, N+7 and N+8, services to N+20…; 0: any free ones.",
            show_default=False,
        ),
    ] = None,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when all is ready; it runs on.")
    ] = False,
    services_only: Annotated[
        bool, typer.Option("--services-only", help="Only Kafka, PostgreSQL and Valkey, empty.")
    ] = False,
) -> None:
    """Start the local stack: Kafka, PostgreSQL, Valkey, every agent. Ctrl-C stops all of it.

    A service is skipped when its address is set: KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL, REDIS_URL.
    """
    options = StackOptions(find_data_dir(data_dir), services_only, port_base)
    with open_screen(options, detach=detach) as screen:
        if detach:
            start_stack(options, screen)
            return
        configure_logging(load_settings().log_level, process="up")
        try:
            run_stack(options, screen)
        except Stopped:
            raise SystemExit(console.EXIT_INTERRUPTED) from None
    console.say("stopped; the data stays: `judgify up` goes on where this ended")
