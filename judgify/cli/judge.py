"""`judgify judge`: judges a file here and now, without any service."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.author import Tenant
from judgify.cli.console import note, print_json, print_table, say
from judgify.cli.context import DataDir
from judgify.cli.flips import print_flips
from judgify.cli.inputs import Row, open_rows, parse_rows
from judgify.cli.judge_run import EXPLAINED_MAX, Run
from judgify.cli.row_progress import judge_all
from judgify.cli.workflow_source import (
    load_workflow,
    refuse,
    resolve_reference,
    show_problems,
)
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.problems import WorkflowErrors
from schemas.errors import FatalError, PipelineError

WATCH_EVERY_S: Final = 0.5
"""How often a watched file is looked at."""

app = typer.Typer(add_completion=False)


@app.command()
def judge(  # noqa: PLR0913 -- one parameter per option
    *,
    workflow: Annotated[
        str, typer.Option("--workflow", "-w", help="A file, or a published one: milling@active.")
    ],
    source: Annotated[
        str,
        typer.Option("--input", "-i", help="FILE.csv, .ndjson or .json, or one event as JSON."),
    ],
    explain: Annotated[
        bool, typer.Option("--explain", help=f"Explain the first {EXPLAINED_MAX} events.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="V", help="Show which verdicts differ from this one's."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Judge again whenever the workflow file changes.")
    ] = False,
    tenant: Tenant = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Judge a file here and now: no service is needed unless a published version is named."""
    order = Order(workflow, source, against, tenant, data_dir, explain)

    def judge_once() -> None:
        run = _judge(order)
        if as_json:
            print_json(run.summary())
        else:
            _print(run)

    if not watch:
        try:
            judge_once()
        except WorkflowErrors as errors:
            refuse(errors)
        return
    if not Path(workflow).is_file():
        raise FatalError("--watch needs a workflow file: a published version never changes")
    watch_file(Path(workflow), judge_once, lambda: time.sleep(WATCH_EVERY_S))


@dataclass(frozen=True, slots=True)
class Order:
    """What to judge by what."""

    workflow: str
    source: str
    against: str | None
    tenant: str
    data_dir: Path | None
    explain: bool


def watch_file(path: Path, judge_once: Callable[[], None], wait: Callable[[], None]) -> None:
    """Judge now and after every change of the file, until Ctrl-C."""
    try:
        while True:
            seen = _stamp(path)
            try:
                judge_once()
            except WorkflowErrors as errors:
                show_problems(errors.problems)
            except PipelineError as error:
                note(str(error), style="red")
            note(f"watching {path}; Ctrl-C ends")
            while _stamp(path) == seen:
                wait()
    except KeyboardInterrupt:
        note("")


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when the file does; None while an editor replaces it."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _judge(order: Order) -> Run:
    compiled = load_workflow(order.workflow, order.data_dir, order.tenant)
    other = None
    if order.against is not None:
        reference = resolve_reference(order.against, compiled.id)
        other = load_workflow(reference, order.data_dir, order.tenant)
    rows = _find_rows(order.source, compiled)
    run = Run(compiled, other)
    judge_all(run, rows, explain=order.explain)
    return run


def _find_rows(source: str, workflow: CompiledWorkflow) -> Iterable[Row]:
    if source.lstrip()[:1] in ("{", "["):
        return parse_rows(source.encode("utf-8", "surrogatepass"), "--input")
    return open_rows(Path(source), workflow)


def _print(run: Run) -> None:
    for line, lines in run.explained:
        say(f"line {line}", style="bold")
        say("\n".join(f"  {each}" for each in lines))
        say()
    rate = f" ({run.requests / run.seconds:,.0f}/s)" if run.seconds > 0 else ""
    version = run.workflow.version[:12]
    say(f"{run.requests:,} judged by {run.workflow.id} {version} in {run.seconds:.2f} s{rate}")
    for name, counts in (
        ("status", run.by_status),
        ("verdict", run.by_verdict),
        ("rule", run.by_rule),
    ):
        say()
        print_table((name, "count"), counts.most_common())
    if run.against is not None:
        say()
        print_flips(run, other=f"{run.against.id} {run.against.version[:12]}")
