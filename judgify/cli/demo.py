"""`judgify demo`: judges 10,000 machine readings on a real Kafka and explains one."""

import asyncio
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.console import EXIT_INTERRUPTED, fail, say
from judgify.cli.context import CliContext, DataDir
from judgify.cli.replay import find_subject_path
from judgify.cli.up import PORT_BASE_MAX
from judgify.cli.workflow_source import refuse
from judgify.demo.in_force import put_in_force
from judgify.demo.milling import Example, load_example
from judgify.demo.running_stack import open_stack
from judgify.demo.story import (
    Runs,
    describe_failure,
    describe_llm,
    describe_next,
    describe_runs,
    describe_stored,
)
from judgify.replay.interrupt import catch_interrupt, end_on_signals
from judgify.replay.paste import spell
from judgify.replay.progress import show_bars
from judgify.replay.requests import RequestMaker
from judgify.replay.run import Plan, Run, replay
from judgify.replay.sending import Outgoing
from judgify.replay.stored import await_stored, find_ranges
from judgify.stack.disk import find_kafka_disk
from judgify.stack.plan import StackOptions
from judgify.stack.state import find_data_dir
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.problems import WorkflowErrors
from sinks.postgres.run_counts import count_llm, count_outcomes
from topics.registry import REQUESTS

app = typer.Typer()

READINGS: Final = 10_000
READINGS_MAX: Final = 1_000_000
TIMEOUT_S: Final = 120.0
"""Longest wait for all judgments, and again for all rows."""
PACED: Final = 2_000
"""Readings that are sent at a pace, so that the latency is that of one request, not of a queue."""
PACED_RATE_PER_S: Final = 1_000.0
ID_COLUMN: Final = "id"


@app.command()
def demo(
    data_dir: DataDir = None,
    *,
    count: Annotated[
        int, typer.Option(min=1, max=READINGS_MAX, help="How many readings.")
    ] = READINGS,
    port_base: Annotated[
        int | None, typer.Option(min=0, max=PORT_BASE_MAX, help="As of `judgify up`.")
    ] = None,
) -> None:
    """Judge machine readings on a real Kafka, store them in a real PostgreSQL, explain one.

    Uses the stack that runs in the data directory, and leaves it; else starts one, which ends with
    Ctrl-C, or with the demo where there is no terminal.
    """
    try:
        example = load_example(count)
    except WorkflowErrors as errors:
        refuse(errors)
    options = StackOptions(find_data_dir(data_dir), port_base=port_base)
    say(f"{count:,} machine readings, judged on a real Apache Kafka, kept in a real PostgreSQL")
    with end_on_signals(), open_stack(options) as (context, is_ours):
        stays = is_ours and sys.stdout.isatty()
        _Demo(context, example, port_base).go(stays=stays, is_ours=is_ours)


class _Demo:
    """The demo on a stack that runs."""

    def __init__(self, context: CliContext, example: Example, port_base: int | None) -> None:
        self._context = context
        self._example = example
        self._data_dir = context.data_dir
        self._port_words = () if port_base is None else ("--port-base", str(port_base))
        self._workflow: CompiledWorkflow = example.document.compile()
        self._plan = Plan(
            context.kafka, context.settings.topic_prefix, wait=True, timeout_s=TIMEOUT_S
        )
        self._name = f"demo-{secrets.token_hex(3)}"
        """Of this run: its request ids begin with it, so that no run meets another's."""

    def go(self, *, stays: bool, is_ours: bool) -> None:
        find_kafka_disk(self._context.settings).check()
        readings_file = self._example.write_readings(self._data_dir)
        say(f"workflow      {put_in_force(self._context, self._example.document)}")
        say(f"readings      {len(self._example.readings):,} in {readings_file}")
        runs = self._judge()
        self._say_stored(runs)
        self._explain()
        if not runs.are_as_known(self._example):
            fail(
                "the counts differ from the known answers",
                hint="if you edited examples/milling/workflow.yaml, that is why; else report it",
            )
        self._say_next(readings_file, stays=stays, is_ours=is_ours)
        if stays:
            say("Ctrl-C stops everything; the data stays", style="bold")
            with catch_interrupt() as stop:
                stop.wait()

    def _judge(self) -> Runs:
        requests = list(self._requests())
        paced = self._replay(requests[:PACED], PACED_RATE_PER_S)
        runs = Runs(paced, self._replay(requests[PACED:], None), PACED_RATE_PER_S)
        say()
        for line in describe_runs(runs, self._example):
            say(line)
        return runs

    def _replay(self, requests: Sequence[Outgoing], rate_per_s: float | None) -> Run:
        plan = replace(self._plan, rate_per_s=rate_per_s)
        with catch_interrupt() as stop, show_bars(len(requests), wait=True) as show:
            run = replay(plan, requests, stop=stop, show=show)
        if run.ending == "interrupted":
            raise SystemExit(EXIT_INTERRUPTED)
        if run.ending == "timed_out":
            fail(
                f"no outcome after {TIMEOUT_S:g} s for {len(run.tally.missing()):,} readings",
                hint=spell("status", data_dir=self._data_dir),
            )
        return run

    def _requests(self) -> Iterator[Outgoing]:
        maker = RequestMaker(
            self._workflow.id, id_column=ID_COLUMN, subject_path=find_subject_path(self._workflow)
        )
        for place, reading in enumerate(self._example.readings):
            yield maker.make({ID_COLUMN: self._request_id(place)}, reading.row)

    def _request_id(self, place: int) -> str:
        return f"{self._name}-{place + 1:05}"

    def _say_stored(self, runs: Runs) -> None:
        database_url = self._context.need_database()
        with catch_interrupt() as stop:
            are_stored = all(
                await_stored(self._plan, run.tally, stop=stop) for run in (runs.paced, runs.burst)
            )
        if stop.is_set():
            raise SystemExit(EXIT_INTERRUPTED)
        if not are_stored:
            fail(
                f"not all of it was stored within {TIMEOUT_S:g} s",
                hint=spell("status", data_dir=self._data_dir),
            )
        topic = self._plan.topic(REQUESTS)
        ranges = [*find_ranges(runs.paced.tally), *find_ranges(runs.burst.tally)]
        say(describe_stored(asyncio.run(count_outcomes(database_url, topic, ranges))))
        for line in describe_llm(asyncio.run(count_llm(database_url, topic, ranges))):
            say(line)

    def _explain(self) -> None:
        failure = self._example.find_failure()
        if failure is not None:
            say()
            for line in describe_failure(failure[1], self._workflow):
                say(line)

    def _say_next(self, readings_file: Path, *, stays: bool, is_ours: bool) -> None:
        say()
        start: list[tuple[str, ...]] = []
        if is_ours and not stays:
            start = [("up", "--detach", *self._port_words)]
            say("The stack ends with this demo. Start it again, with all its data, and try:")
        else:
            say("Try next, in another terminal:" if stays else "Try next:")
        commands = self._commands(readings_file)
        for line in describe_next([*start, *commands], self._data_dir):
            say(line)

    def _commands(self, readings_file: Path) -> Iterator[tuple[str, ...]]:
        failure = self._example.find_failure()
        if failure is not None:
            yield "judgments", "explain", self._request_id(failure[0])
        yield "results", "tail", "--from-beginning", "--verdict", "fail", "--limit", "5"
        yield "replay", str(readings_file), "--workflow", self._workflow.id, "--wait"
        yield ("audit",)
        yield ("status",)
