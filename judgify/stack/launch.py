"""Starts a stack in the background, and stops one from outside: `up --detach`, `down`, tests."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from judgify.stack.child import leashed
from judgify.stack.jars import fetch_jars, find_cache_dir, load_jar_list
from judgify.stack.leftovers import end_leftovers
from judgify.stack.lock import already_runs, load_holder
from judgify.stack.plan import StackOptions
from judgify.stack.ports import HOST
from judgify.stack.reporter import Reporter, Silent
from judgify.stack.state import StackState, is_running, load_state
from judgify.stack.supervisor import SUPERVISOR_LOG, make_data_dir
from runtime.settings import load_settings
from schemas.errors import DependencyError, FatalError

POLL_INTERVAL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 90.0
"""Longer than all the stop timeouts of the processes in it."""
KILL_TIMEOUT_S: Final = 10.0
MESSAGE_BYTES_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack in the background that this process has started."""

    data_dir: Path
    supervisor: subprocess.Popen[bytes]

    @property
    def state(self) -> StackState:
        """Return its present state.

        Raises:
            FatalError: somebody deleted the state file.
        """
        state = load_state(self.data_dir)
        if state is None:
            raise FatalError(f"{self.data_dir} holds no stack")
        return state

    def stop(self) -> int:
        """Stop it in order; return the supervisor's exit code."""
        self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End the supervisor as `kill -9` does; its leash ends the rest."""
        self.supervisor.kill()
        self.supervisor.wait(KILL_TIMEOUT_S)


def start_stack(
    options: StackOptions,
    reporter: Reporter | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    tied: bool = False,
) -> Stack:
    """Start a stack in a session of its own; returns when all of it is ready.

    `environment` replaces ours. `tied`: it stops, in order, when this process ends, however that
    ends (then call this from the main thread, see leash.py).

    Raises:
        FatalError: one already runs there.
        DependencyError: it did not start; the message is what it said.
    """
    reporter = reporter or Silent()
    if is_running(options.data_dir):
        raise FatalError(already_runs(options.data_dir))
    make_data_dir(options)
    if environment is None and load_settings().kafka_bootstrap_servers is None:
        # Here, where somebody may be watching.
        fetch_jars(find_cache_dir(), load_jar_list(), reporter.progress)
    log = options.data_dir / "logs" / SUPERVISOR_LOG
    log.unlink(missing_ok=True)
    before = load_state(options.data_dir)
    up = (sys.executable, "-m", "judgify", "up", *_arguments(options))
    with log.open("ab") as output:
        supervisor = subprocess.Popen(  # noqa: S603 -- ourselves
            leashed(up, signal.SIGTERM) if tied else up,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    stack = Stack(options.data_dir, supervisor)
    try:
        _wait_ready(stack, before, reporter)
    except BaseException:
        with contextlib.suppress(subprocess.TimeoutExpired):
            stack.stop()
        raise
    reporter.all_ready(stack.state)
    return stack


def _arguments(options: StackOptions) -> list[str]:
    arguments = ["--data-dir", str(options.data_dir)]
    if options.services_only:
        arguments.append("--services-only")
    if options.port_base is not None:
        arguments += ["--port-base", str(options.port_base)]
    return arguments


def _wait_ready(stack: Stack, before: StackState | None, reporter: Reporter) -> None:
    """Wait without a limit of our own: each process of the stack has one."""
    reported: set[str] = set()
    while stack.supervisor.poll() is None:
        state = load_state(stack.data_dir)
        if state and (before is None or state.started_at != before.started_at):
            _report(state, reported, reporter)
            if state.ready:
                return
        time.sleep(POLL_INTERVAL_S)
    log = stack.data_dir / "logs" / SUPERVISOR_LOG
    said = log.read_bytes()[-MESSAGE_BYTES_MAX:].decode("utf-8", "replace").strip()
    raise DependencyError("stack", f"did not start: {said.removeprefix('error: ')}\n  log: {log}")


def _report(state: StackState, reported: set[str], reporter: Reporter) -> None:
    """Pass on what the supervisor has written into its state file."""
    for name, process in state.processes.items():
        if name not in reported:
            reporter.begin(name, process.title)
            reported.add(name)
        if process.ready_in_s is not None and f"{name} ready" not in reported:
            where = f"{HOST}:{process.port}"
            reporter.ready(name, process.title, where, process.ready_in_s)
            reported.add(f"{name} ready")


def stop_stack(data_dir: Path) -> bool:
    """Stop the stack in `data_dir`, whoever started it; say whether one was running.

    Raises:
        FatalError: it belongs to another user.
    """
    holder = load_holder(data_dir)
    if holder is None or not is_running(data_dir):
        return bool(end_leftovers(data_dir))
    _signal(holder.pid, signal.SIGTERM)
    if not _wait_stopped(data_dir, STOP_TIMEOUT_S):
        _signal(holder.pid, signal.SIGKILL)
        _wait_stopped(data_dir, KILL_TIMEOUT_S)
        end_leftovers(data_dir)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise FatalError(f"the stack belongs to another user (pid {pid}): stop it as that") from (
            error
        )


def _wait_stopped(data_dir: Path, timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while is_running(data_dir):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True
