"""What is wrong with one process: down, not ready, stopped by something, or behind."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from judgify.status.problem import Problem, advise
from judgify.status.snapshot import Held, PartitionView, ProcessView, Snapshot
from judgify.status.words import count_of, duration

BEHIND_S_MAX: Final = 60.0
"""Oldest unfinished record, without anything being held, that is still no problem."""
CONSEQUENCES: Final = {
    "rule-agent": "Nothing is judged; requests wait in Kafka for up to 7 days, nothing is lost.",
    "llm-agent": "What needs the LLM waits in Kafka for up to 7 days; all else is judged.",
    "postgres-sink": "Judging goes on, nothing is lost.",
}
OTHER_CONSEQUENCE: Final = "Its records wait in Kafka, nothing is lost."


def find_process_problems(
    process: ProcessView, snapshot: Snapshot, explained: set[str]
) -> Iterator[Problem]:
    """Yield what is wrong with one process; what an absent dependency explains is left out."""
    if process.status is None:
        yield _down(process, snapshot)
        return
    if process.status.process != process.name:
        yield _impostor(process)
        return
    held = [view for view in process.partitions if view.held is not None]
    yield from _held_problems(process, held, snapshot, explained)
    if not process.status.ready and not held and "kafka" not in explained:
        yield _not_ready(process)
    yield from _behind_problems(process, held, snapshot)


def _down(process: ProcessView, snapshot: Snapshot) -> Problem:
    what = f"{process.name} does not answer on {process.host}:{process.port}: {process.error}"
    if process.last_exit:
        restarts = count_of(process.restarts_total, "restart")
        what += f"; its last end: {process.last_exit}, {restarts}"
    if process.lag_records:
        waits = "waits" if process.lag_records == 1 else "wait"
        what += f"; {count_of(process.lag_records, 'record')} {waits}"
    do = f"`judgify run {process.name}`"
    if snapshot.local:
        do = f"wait, `judgify up` starts it again; if it stays, read the log of {process.name}"
    return Problem(what, _consequence(process), do)


def _impostor(process: ProcessView) -> Problem:
    answering = process.status.process if process.status else "nobody"
    variable = f"JUDGIFY_{process.name.replace('-', '_').upper()}_PORT"
    return Problem(
        f"{process.host}:{process.port} answers as {answering}, not as {process.name}",
        f"Whether {process.name} runs is not known.",
        f"give each process a port of its own ({variable})",
    )


def _not_ready(process: ProcessView) -> Problem:
    reasons = process.status.problems if process.status else []
    why = "; ".join(reasons) or "it does not say why"
    return Problem(
        f"{process.name} is not ready: {why}",
        _consequence(process),
        f"look again in some seconds; if it stays, read the log of {process.name}",
    )


def _held_problems(
    process: ProcessView, held: list[PartitionView], snapshot: Snapshot, explained: set[str]
) -> Iterator[Problem]:
    """Yield one problem per cause: twelve partitions held by one database are one problem."""
    ordered = sorted(held, key=_cause)
    for _, group in groupby(ordered, key=_cause):
        views = list(group)
        cause = views[0].held
        if cause is None:
            continue
        if cause.kind == "record":
            yield from (_culprit(process, view, cause, snapshot) for view in views)
        elif cause.name not in explained:
            yield _waiting(process, views, cause, snapshot)


def _cause(view: PartitionView) -> tuple[str, str]:
    return (view.held.kind, view.held.name) if view.held else ("", "")


def _waiting(
    process: ProcessView, views: list[PartitionView], held: Held, snapshot: Snapshot
) -> Problem:
    longest = max((view.held.since_s or 0 for view in views if view.held), default=0)
    others = f" and {count_of(len(views) - 1, 'other partition')}" if len(views) > 1 else ""
    place = _place(views[0], snapshot)
    return Problem(
        f"{process.name} stopped at {place}{others} for {duration(longest)}: {held.reason}",
        _consequence(process),
        advise(held.name, snapshot),
    )


def _culprit(process: ProcessView, view: PartitionView, held: Held, snapshot: Snapshot) -> Problem:
    since = f" for {duration(held.since_s)}" if held.since_s is not None else ""
    why = held.reason or "it ends the process"
    place = held.name or f"{view.topic}/{view.partition}/{view.first_unfinished}"
    return Problem(
        f"{process.name} holds {_place(view, snapshot)}{since}: {why}",
        f"Partition {view.partition} waits behind this record, the others go on.",
        f"`judgify skip {place} --reason TEXT` buries exactly this record",
    )


def _behind_problems(
    process: ProcessView, held: list[PartitionView], snapshot: Snapshot
) -> Iterator[Problem]:
    age_s = process.oldest_unfinished_s
    if held or age_s is None or age_s <= BEHIND_S_MAX:
        return
    oldest = max(process.partitions, key=lambda view: view.oldest_unfinished_s or 0)
    waiting = count_of(process.lag_records or 0, "record")
    yield Problem(
        f"{process.name} is {duration(age_s)} behind at {_place(oldest, snapshot)}: {waiting} wait",
        "Nothing is lost.",
        f"look again; if it grows, start another copy: `judgify run {process.name} --port auto`",
    )


def _place(view: PartitionView, snapshot: Snapshot) -> str:
    topic = view.topic.removeprefix(snapshot.topic_prefix)
    offset = f" offset {view.first_unfinished}" if view.first_unfinished is not None else ""
    return f"{topic}/{view.partition}{offset}"


def _consequence(process: ProcessView) -> str:
    return CONSEQUENCES.get(process.name, OTHER_CONSEQUENCE)
