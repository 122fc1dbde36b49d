"""What is wrong, in words that an operator can act on: a pure function of a snapshot."""

from collections.abc import Iterable, Iterator
from typing import Final

from judgify.status.llm_lane import find_llm_problems
from judgify.status.problem import Problem, advise, called
from judgify.status.process_problems import find_process_problems
from judgify.status.snapshot import DependencyView, Snapshot
from judgify.status.words import count_of, size

DISK_LOW_FACTOR: Final = 2
"""Below so many times the floor it is a problem: at the floor it is late to hear of it."""
GRAVE_KINDS: Final = {
    "bug": "were buried because of a bug of ours",
    "lost": "were deleted by retention before they were read",
}


NEXT: Final = {
    "bug": "go back to the release before, then `judgify dead-letters redrive --kind bug`",
    "lost": "`judgify audit`",
}


def find_problems(snapshot: Snapshot) -> list[Problem]:
    """Return everything that is wrong, what stops judging first; empty when all is well."""
    if snapshot.stack_missing:
        return [_no_stack(snapshot)]
    held_by = {
        view.held.name
        for process in snapshot.processes
        for view in process.partitions
        if view.held is not None and view.held.kind == "dependency"
    }
    away = {view.name for view in snapshot.dependencies if view.error}
    explained = (away - held_by) | (away & {"kafka"})
    return [
        *_dependency_problems(snapshot, explained),
        *_topic_problems(snapshot),
        *(
            problem
            for process in snapshot.processes
            for problem in find_process_problems(process, snapshot, explained)
        ),
        *find_llm_problems(snapshot),
        *_dead_letter_problems(snapshot),
        *_disk_problems(snapshot),
    ]


def _no_stack(snapshot: Snapshot) -> Problem:
    return Problem(
        f"no stack is running: none in {snapshot.data_dir}, and KAFKA_BOOTSTRAP_SERVERS is not set",
        "Nothing is judged.",
        "`judgify up`, or set KAFKA_BOOTSTRAP_SERVERS",
    )


def _dependency_problems(snapshot: Snapshot, names: Iterable[str]) -> Iterator[Problem]:
    for view in snapshot.dependencies:
        if view.name in names:
            yield Problem(
                _describe_trouble(view),
                _consequence_of_absence(view),
                advise(view.name, snapshot),
            )


def _describe_trouble(view: DependencyView) -> str:
    name = called(view.name)
    if view.trouble == "mute":
        return f"{name} accepts connections at {view.address} but does not answer: {view.error}"
    if view.trouble == "refuses":
        return f"{name} answers at {view.address}, but: {view.error}"
    return f"{name} does not answer at {view.address}: {view.error}"


def _consequence_of_absence(view: DependencyView) -> str:
    if view.name == "kafka":
        return "Nothing is judged or stored until it is back; what Kafka has is not lost."
    return "Judging goes on; results wait in Kafka for up to 7 days, nothing is lost."


def _topic_problems(snapshot: Snapshot) -> Iterator[Problem]:
    if snapshot.topics_missing:
        yield Problem(
            f"Kafka has no topic {', '.join(snapshot.topics_missing)}",
            "The processes that need them do not start.",
            "`judgify topics create`",
        )


def _dead_letter_problems(snapshot: Snapshot) -> Iterator[Problem]:
    for kind, happened in GRAVE_KINDS.items():
        counts = [
            count
            for count in snapshot.dead_letters or []
            if count.kind == kind and count.records > count.sent_again
        ]
        if counts:
            records = sum(count.records - count.sent_again for count in counts)
            agents = ", ".join(sorted({count.agent for count in counts}))
            yield Problem(
                f"{count_of(records, 'record')} {happened} in the last hour ({agents})",
                "They have no judgment." if kind == "lost" else "They are kept, with the reason.",
                f"`judgify dead-letters list`, then {NEXT[kind]}",
            )


def _disk_problems(snapshot: Snapshot) -> Iterator[Problem]:
    disk = snapshot.disk
    if disk is None or not snapshot.local:
        return
    floor, enough = disk.floor_bytes, DISK_LOW_FACTOR * disk.floor_bytes
    if disk.free_bytes < enough:
        below = disk.free_bytes < floor
        yield Problem(
            f"the disk of {disk.path} has {size(disk.free_bytes)} left of {size(disk.total_bytes)}",
            "Nothing is sent, and the sink waits."
            if below
            else f"Below {size(floor)} nothing is sent, and the sink waits.",
            f"make room, at least {size(enough - disk.free_bytes)}",
        )
