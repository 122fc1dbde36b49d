"""The stack under a demo: the one that runs in the data directory, else one of its own."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from judgify.cli.console import say
from judgify.cli.context import CliContext, open_context
from judgify.stack.launch import start_stack
from judgify.stack.plan import AGENTS, StackOptions
from judgify.stack.reporter import Silent
from judgify.stack.state import StackState, is_running, load_state
from runtime.clock import Clock, SystemClock
from schemas.errors import DependencyError, FatalError

JOIN_TIMEOUT_S: Final = 90.0
"""Longest wait for a stack that somebody else is starting."""
POLL_INTERVAL_S: Final = 0.1
MIB: Final = 1_048_576


class Fetching(Silent):
    """Says when Kafka's jars are fetched: that takes the longest, and only once."""

    @override
    def progress(self, done_bytes: int, total_bytes: int) -> None:
        if done_bytes == 0:
            say(f"fetching Kafka: {total_bytes / MIB:.0f} MiB of jars, kept for all later starts")


@contextmanager
def open_stack(
    options: StackOptions, clock: Clock | None = None
) -> Generator[tuple[CliContext, bool]]:
    """Yield the services and whether they were started here: those are stopped at the end.

    Raises:
        FatalError: a stack runs there that cannot judge, or a port is taken.
        DependencyError: something did not start; its log's tail says why.
    """
    data_dir = options.data_dir
    if is_running(data_dir):
        state = _await_ready(data_dir, clock or SystemClock())
        _check_complete(state, data_dir)
        say(f"stack         {describe(state)}, running already")
        yield open_context(data_dir), False
        return
    clock = clock or SystemClock()
    started_s = clock.monotonic_s()
    stack = start_stack(options, Fetching())
    seconds = clock.monotonic_s() - started_s
    try:
        say(f"stack         {describe(stack.state)}, ready in {seconds:.1f} s")
        yield open_context(data_dir), True
    finally:
        stack.stop()


def describe(state: StackState) -> str:
    """Return the names of what runs: `kafka, postgres, rule-agent`."""
    return ", ".join(state.processes)


def _await_ready(data_dir: Path, clock: Clock) -> StackState:
    deadline_s = clock.monotonic_s() + JOIN_TIMEOUT_S
    while clock.monotonic_s() < deadline_s and is_running(data_dir):
        state = load_state(data_dir)
        if state is not None and state.ready:
            return state
        time.sleep(POLL_INTERVAL_S)
    raise DependencyError("stack", f"the one in {data_dir} is not ready; see {data_dir}/logs")


def _check_complete(state: StackState, data_dir: Path) -> None:
    absent = [name for name in AGENTS if name not in state.processes]
    if absent:
        raise FatalError(
            f"the stack in {data_dir} runs without {' and '.join(absent)}: "
            "`judgify down`, then again"
        )
