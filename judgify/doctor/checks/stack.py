"""The local stack: its state file is true, and every process in it lives."""

from collections.abc import Iterator

from judgify.doctor.finding import Finding, fail, ok, skip, warn
from judgify.doctor.subject import Subject
from judgify.stack.leftovers import still_runs
from judgify.stack.state import StackState


def look(subject: Subject) -> Iterator[Finding]:
    """Compare the state file with the processes of this machine."""
    state = subject.state
    if subject.state_problem is not None:
        yield fail(subject.state_problem, "see to that file, then `judgify up`")
    elif not subject.uses_local_stack:
        yield skip("not used: Kafka is not the local stack's")
    elif state is None:
        yield ok(f"none was ever started in {subject.data_dir}: `judgify up`")
    elif subject.is_running and not state.ready:
        yield warn("it is starting", "ask again when `judgify up` says that it is ready")
    elif subject.is_running:
        problems = [*_find_dead(state)]
        yield from problems or [ok(f"runs since {state.started_at}, pid {state.pid}")]
    else:
        yield _judge_stopped(state)


def _find_dead(state: StackState) -> Iterator[Finding]:
    for name, seen in state.processes.items():
        if still_runs(seen) is None:
            ended = f", its last end: {seen.last_exit}" if seen.last_exit else ""
            yield fail(
                f"{name} does not run{ended}, restarted {seen.restarts_total} times",
                f"look again in 10 s; if it stays, read the log of {name}",
            )


def _judge_stopped(state: StackState) -> Finding:
    left = [name for name, seen in state.processes.items() if still_runs(seen) is not None]
    if left:
        return warn(
            f"its supervisor is gone, but {', '.join(left)} still runs",
            "wait 10 s: they end by themselves; else `judgify up` ends them",
        )
    return ok(f"stopped; it ran last from {state.started_at} on: `judgify up`")
