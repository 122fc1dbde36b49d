"""`judgify replay`: sends a file as requests and counts what becomes of them."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.console import EXIT_INTERRUPTED, fail, note, print_json, say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.cli.inputs import Rows, open_rows
from judgify.cli.published import open_published
from judgify.replay.interrupt import catch_interrupt
from judgify.replay.paste import spell
from judgify.replay.progress import show_bars
from judgify.replay.report import describe, describe_missing, make_summary
from judgify.replay.requests import RequestMaker
from judgify.replay.run import Plan, Run, replay
from judgify.replay.sending import Outgoing
from judgify.replay.stored import await_stored, find_ranges
from judgify.stack.disk import find_kafka_disk
from rules.workflow.compiled import CompiledWorkflow
from schemas.errors import FatalError, MessageError
from sinks.postgres.run_counts import count_duplicates
from topics.registry import REQUESTS

app = typer.Typer()

TIMEOUT_S: Final = 120.0


@app.command("replay")
def replay_file(  # noqa: PLR0913 -- one parameter per option
    file: Annotated[Path, typer.Argument(help="FILE.csv, .ndjson or .json.")],
    *,
    workflow: Annotated[str, typer.Option("--workflow", help="Id of the workflow that judges.")],
    id_column: Annotated[
        str | None, typer.Option(help="Its value is the request id; the agent makes one if absent.")
    ] = None,
    key_column: Annotated[
        str | None, typer.Option(help="Its value is the record key; the subject's if absent.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Requests per second; as fast as it goes if absent."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Not a test: actions follow.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until each has a judgment or a dead letter.")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, help="Longest wait after sending, seconds.")
    ] = TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    tenant: Annotated[str, typer.Option(help="Whose requests.")] = "default",
    data_dir: DataDir = None,
) -> None:
    """Send each row of FILE as a request, and count what becomes of them.

    Cells of a CSV file are converted by the types that the workflow in force declares. The whole
    file is read and checked before the first request is sent.
    """
    context = open_context(data_dir)
    compiled = load_active(context, workflow, tenant)
    maker = RequestMaker(
        workflow, tenant, not live, id_column, key_column, find_subject_path(compiled)
    )
    source = Source(open_rows(file, compiled), maker)
    disk = find_kafka_disk(context.settings)
    plan = Plan(context.kafka, context.settings.topic_prefix, rate, wait, timeout_s, disk)
    _Replay(context, plan, source, as_json=as_json).go()


def load_active(context: CliContext, workflow_id: str, tenant: str) -> CompiledWorkflow:
    """Return the workflow that was activated last: its types convert the cells.

    Raises:
        FatalError: none is active, or this engine cannot compile it.
    """
    with open_published(context, tenant) as published:
        active = published.active(workflow_id)
    if active is None:
        command = spell("workflow", "publish", "FILE", "--activate", data_dir=context.data_dir)
        raise FatalError(f"no version of {workflow_id} is active; publish one first: `{command}`")
    if active.compiled is None:
        raise FatalError(f"{workflow_id}: this engine cannot compile it: {active.problem}")
    return active.compiled


def find_subject_path(workflow: CompiledWorkflow) -> tuple[str, ...]:
    """Return where in an event the thing judged is named; empty when the workflow says nothing."""
    fields = (field for field in workflow.program.fields if field.name == workflow.subject)
    return next((field.path for field in fields), ())


@dataclass(frozen=True, slots=True)
class Source:
    """The requests in a file; iterating again reads it again."""

    rows: Rows
    maker: RequestMaker

    def __iter__(self) -> Iterator[Outgoing]:
        """Yield the requests in the file's order.

        Raises:
            MessageError: a row cannot be sent; names it.
        """
        for row in self.rows:
            try:
                yield self.maker.make(row.cells, row.data)
            except MessageError as error:
                raise MessageError(
                    error.code, f"{self.rows.path}:{row.line}: {error.reason}"
                ) from (error)

    def check(self) -> int:
        """Return how many requests there are; raises as iterating does."""
        return sum(1 for _ in self)


class _Replay:
    """The command under way."""

    def __init__(self, context: CliContext, plan: Plan, source: Source, *, as_json: bool) -> None:
        self._context, self._plan, self._source, self._as_json = context, plan, source, as_json

    def go(self) -> None:
        self._plan.disk.check()  # before a long file is read for nothing
        total = self._source.check()
        with catch_interrupt() as stop:
            with show_bars(total, wait=self._plan.wait) as show:
                run = replay(self._plan, self._source, stop=stop, show=show)
            duplicates = self._count_duplicates(run, stop)
        self._print(run, duplicates)
        self._end(run)

    def _count_duplicates(self, run: Run, stop: threading.Event) -> int | None:
        """Return the duplicates; None without a database, or when the sink is behind."""
        database_url = self._context.database_url
        if database_url is None or not self._plan.wait or run.ending != "finished":
            return None
        if not await_stored(self._plan, run.tally, stop=stop):
            note("postgres-sink has not stored all of it yet: duplicates are not known")
            return None
        topic = self._plan.topic(REQUESTS)
        return asyncio.run(count_duplicates(database_url, topic, find_ranges(run.tally)))

    def _print(self, run: Run, duplicates: int | None) -> None:
        if self._as_json:
            print_json(make_summary(run, duplicates, waited=self._plan.wait))
            return
        for line in describe(run, duplicates, waited=self._plan.wait):
            say(line)

    def _end(self, run: Run) -> None:
        if run.ending == "interrupted":
            note(f"interrupted; what was sent is judged all the same: {self._spell('status')}")
            raise SystemExit(EXIT_INTERRUPTED)
        if run.ending == "timed_out":
            missing = run.tally.missing()
            topic = self._plan.topic(REQUESTS)
            fail(
                f"no outcome after {self._plan.timeout_s:g} s for {len(missing):,} of "
                f"{run.tally.requests:,} requests: {describe_missing(missing, topic)}",
                hint=self._spell("status"),
            )

    def _spell(self, *words: str) -> str:
        return spell(*words, data_dir=self._context.data_dir)
