"""A snapshot on a terminal: problems first, then how each part stands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from judgify.cli.terminal_text import printable
from judgify.status.llm_lane import describe_llm, find_llm
from judgify.status.problem import Problem
from judgify.status.snapshot import ProcessView, RestartView, Snapshot, SwitchView, WorkflowView
from judgify.status.words import duration, size
from topics.switch_table import SWITCHES, show

VERSION_CHARS: int = 12
STANDS: Final[Mapping[str, str]] = {"mute": "says nothing", "refuses": "refuses us"}


def render(snapshot: Snapshot, problems: Sequence[Problem], screen: Console) -> None:
    """Print all of `snapshot` on `screen`."""
    _print_problems(problems, screen)
    if snapshot.stack_missing:
        return
    screen.print()
    screen.print(_processes(snapshot))
    for line in _facts(snapshot):
        screen.print(line, soft_wrap=True)


def _print_problems(problems: Sequence[Problem], screen: Console) -> None:
    if not problems:
        screen.print(Text("All is well.", style="bold green"))
    for problem in problems:
        screen.print(
            Text.assemble(
                ("✗ ", "bold red"),
                (f"{printable(problem.what)}. ", "bold"),
                f"{problem.consequence} ",
                ("Do: ", "bold"),
                f"{printable(problem.do)}.",
            ),
            soft_wrap=True,
        )


def _processes(snapshot: Snapshot) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("process", "at", "state", "since"):
        table.add_column(title)
    for title in ("partitions", "waiting", "oldest"):
        table.add_column(title, justify="right")
    for process in snapshot.processes:
        status = process.status
        age_s = process.oldest_unfinished_s
        table.add_row(
            process.name,
            f"{process.host}:{process.port}",
            _state(process),
            printable(status.started_at or "-") if status else "-",
            str(len(status.partitions)) if status else "-",
            "-" if process.lag_records is None else f"{process.lag_records:,}",
            "-" if age_s is None else duration(age_s),
        )
    return table


def _state(process: ProcessView) -> Text:
    if process.status is None:
        return Text("down", style="bold red")
    if any(view.held for view in process.partitions):
        return Text("stopped", style="bold red")
    if not process.status.ready:
        return Text("not ready", style="bold yellow")
    return Text("ready", style="green")


def _facts(snapshot: Snapshot) -> Iterator[Text]:
    """Yield what follows the table, a line each."""
    for view in snapshot.dependencies:
        stands = "answers" if view.error is None else STANDS.get(view.trouble or "", "away")
        yield _line(view.name, f"{stands} at {view.address}")
    if (llm := find_llm(snapshot)) is not None:
        yield _line("llm", describe_llm(llm))
    yield _line("dead letters", _dead_letters(snapshot))
    if snapshot.errors:
        told = (f"{it.code} {it.records:,} ({it.workflow_id})" for it in snapshot.errors)
        yield _line("errors", f"last hour: {', '.join(told)}")
    if snapshot.conflicts:
        told = (f"{it.workflow_id} {it.records:,}" for it in snapshot.conflicts)
        yield _line("reused ids", f"last hour, with other content, not stored: {', '.join(told)}")
    if snapshot.restarts:
        yield _line("restarts", ", ".join(map(_restart, snapshot.restarts)))
    for workflow in workflows_of(snapshot):
        yield _line("workflow", _workflow(workflow))
    switches = switches_set(snapshot)
    yield _line("switches", "; ".join(switches) or "all at their default")
    if snapshot.disk is not None:
        disk = snapshot.disk
        yield _line(
            "disk", f"{size(disk.free_bytes)} free of {size(disk.total_bytes)}, {disk.path}"
        )


def _restart(view: RestartView) -> str:
    ended = f" (last end: {view.last_exit})" if view.last_exit else ""
    return f"{view.name} {view.restarts_total:,}{ended}"


def _line(name: str, fact: str) -> Text:
    return Text.assemble((f"{name:<13} ", "bold"), printable(fact))


def _dead_letters(snapshot: Snapshot) -> str:
    """Return the last hour's from PostgreSQL; without it, what the processes count themselves."""
    if snapshot.dead_letters is not None:
        counts = [
            f"{count.code} {count.records:,} ({count.agent})" for count in snapshot.dead_letters
        ]
        return f"last hour: {', '.join(counts) or 'none'}"
    since_start: dict[str, int] = {}
    for process in snapshot.processes:
        for reason, records in (process.status.dead_letters if process.status else {}).items():
            since_start[reason] = since_start.get(reason, 0) + records
    told = ", ".join(f"{reason} {records:,}" for reason, records in since_start.items())
    return f"since the processes started: {told or 'none'}"


def workflows_of(snapshot: Snapshot) -> list[WorkflowView]:
    """Return the workflows in force, as the first process that knows them tells."""
    for process in snapshot.processes:
        if process.status and process.status.workflows:
            return process.status.workflows
    return []


def _workflow(workflow: WorkflowView) -> str:
    number = f"@{workflow.number}" if workflow.number is not None else ""
    tenant = "" if workflow.tenant == "default" else f"{workflow.tenant}/"
    version = f" {workflow.version[:VERSION_CHARS]}" if workflow.version else " retired"
    since = f" since {workflow.since}" if workflow.since else ""
    author = f" by {workflow.author}" if workflow.author else ""
    return f"{tenant}{workflow.workflow_id}{number}{version}{since}{author}"


def switches_set(snapshot: Snapshot) -> list[str]:
    """Return the switches off their default, with where that comes from."""
    found: dict[str, SwitchView] = {}
    for process in snapshot.processes:
        found = (process.status.switches if process.status else {}) | found
    return [
        _switch(name, view)
        for name, view in sorted(found.items())
        if name in SWITCHES and not _is_default(name, view.value)
    ]


def _is_default(name: str, value: Any) -> bool:
    default = SWITCHES[name].default
    return bool(value == default or (isinstance(value, list) and tuple(value) == default))


def _switch(name: str, view: SwitchView) -> str:
    who = f" by {view.author}" if view.author else ""
    since = f" since {view.since}" if view.since else ""
    note = f": {view.note}" if view.note else ""
    return f"{name} = {show(view.value)} ({view.source}{who}{since}{note})"


def summary(snapshot: Snapshot, problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the document of `--json`: problems first, then everything that was seen."""
    return {
        "problems": [
            {
                "text": problem.text,
                "what": problem.what,
                "consequence": problem.consequence,
                "do": problem.do,
            }
            for problem in problems
        ],
        "processes": [
            process.model_dump(mode="json")
            | {
                "up": process.up,
                "lag_records": process.lag_records,
                "oldest_unfinished_s": process.oldest_unfinished_s,
            }
            for process in snapshot.processes
        ],
        **snapshot.model_dump(mode="json", exclude={"processes"}),
    }
