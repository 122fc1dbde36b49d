"""The command `judgify`: finds a command by name and imports only that one."""

import importlib
import sys
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typing_extensions import override

from judgify.cli.broken_text import refuse_broken_text
from judgify.cli.console import report_failures
from runtime.logs import configure_logging


class Entry(NamedTuple):
    """Where a command lives, and its line in `judgify --help`."""

    module: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("up", "Start the local stack: Kafka, PostgreSQL, Valkey, every agent."),
    "down": Entry("down", "Stop the local stack."),
    "env": Entry("env", "Print the stack's addresses as exports for a shell."),
    "status": Entry("status", "Say what is wrong, in words to act on; else that all is well."),
    "doctor": Entry("doctor", "Look at what everything stands on, and say what to do about it."),
    "run": Entry("run", "Start one process: rule-agent, llm-agent or postgres-sink."),
    "healthcheck": Entry("healthcheck", "Ask a process of this machine how it is, for probes."),
    "topics": Entry("topics", "Create, check and look into topics."),
    "db": Entry("db", "Bring the database to the newest schema, or say where it stands."),
    "workflow": Entry("workflow", "Write, test, publish, activate, roll back workflows."),
    "judge": Entry("judge", "Judge a file here and now, without any service."),
    "replay": Entry("replay", "Send a file as requests and count what becomes of them."),
    "send": Entry("send", "Send one request, or any bytes, from standard input."),
    "results": Entry("results", "Follow the results."),
    "judgments": Entry("judgments", "List, show and explain stored judgments."),
    "dead-letters": Entry("dead_letters", "List, show and send again what was buried."),
    "audit": Entry("audit", "Prove that no request was lost."),
    "control": Entry("control", "Flip the switches that every process obeys."),
    "skip": Entry("skip", "Bury exactly one record that holds its partition."),
    "llm": Entry("llm", "Try the LLM endpoint once, and say what it can do."),
    "fake-llm": Entry("fake_llm", "Answer as an LLM endpoint does, without a model."),
    "demo": Entry("demo", "Judge 10,000 machine readings and explain one."),
}


class LazyGroup(TyperGroup):
    """Imports a command when it is called: `judgify --help` stays quick."""

    @override
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # -- as typer calls it
        del ctx
        return list(COMMANDS)

    @override
    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # -- as typer calls it
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        if cmd_name not in sys.argv[1:]:
            return TyperCommand(cmd_name, help=entry.summary)
        # What commands log is for people who look for trouble; stdout belongs to the answer.
        configure_logging("WARNING", process="judgify", stream=sys.stderr)
        command = get_command(importlib.import_module(f"judgify.cli.{entry.module}").app)
        command.name = cmd_name
        refuse_broken_text(command)
        return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def judgify() -> None:
    """Judges events in a stream: rules first, every verdict explained, stored and replayable."""


def main() -> None:
    """Run the command line; errors of ours become one clear line and an exit code."""
    with report_failures():
        app()
