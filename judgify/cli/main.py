"""The command `judgify`: finds a command by name and imports only that one."""

import importlib
import sys
from typing import NamedTuple

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command

from judgify.cli.console import report_failures


class Entry(NamedTuple):
    """Where a command lives, and its line in `judgify --help`."""

    module: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("judgify.cli.up", "Start the local stack: Kafka, PostgreSQL, Valkey, every agent."),
    "down": Entry("judgify.cli.down", "Stop the local stack."),
    "env": Entry("judgify.cli.env", "Print the stack's addresses as exports for a shell."),
    "status": Entry("judgify.cli.status", "Say what is wrong, in words to act on; else that all is well."),
    "run": Entry("judgify.cli.run", "Start one process: rule-agent or postgres-sink."),
    "topics": Entry("judgify.cli.topics", "Create, check and look into topics."),
    "db": Entry("judgify.cli.db", "Bring the database to the newest schema, or say where it stands."),
    "workflow": Entry("judgify.cli.workflow", "Write, test, publish, activate and roll back workflows."),
    "judge": Entry("judgify.cli.judge", "Judge a file here and now, without any service."),
    "replay": Entry("judgify.cli.replay", "Send a file as requests and count what becomes of them."),
    "send": Entry("judgify.cli.send", "Send one request, or any bytes, from standard input."),
    "results": Entry("judgify.cli.results", "Follow the results."),
    "judgments": Entry("judgify.cli.judgments", "List, show and explain stored judgments."),
    "dead-letters": Entry("judgify.cli.dead_letters", "List and show what was buried, and why."),
    "audit": Entry("judgify.cli.audit", "Prove that no request was lost."),
    "control": Entry("judgify.cli.control", "Flip the switches that every process obeys."),
    "skip": Entry("judgify.cli.skip", "Bury exactly one record that holds its partition."),
    "demo": Entry("judgify.cli.demo", "Judge 10,000 machine readings and explain one."),
}  # fmt: skip


class LazyGroup(TyperGroup):
    """Imports a command when it is called: `judgify --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        if cmd_name not in sys.argv[1:]:
            return click.Command(cmd_name, help=entry.summary)
        command = get_command(importlib.import_module(entry.module).app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def judgify() -> None:
    """Judges events in a stream: rules first, every verdict explained, stored and replayable."""


def main() -> None:
    """Run the command line; errors of ours become one clear line and an exit code."""
    with report_failures():
        app()
