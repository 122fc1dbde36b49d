"""What an earlier supervisor may have left running: it is waited for, then ended."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

import psutil

from judgify.stack.state import ProcessState, load_state

LEASH_GRACE_S: Final = 5.0
"""How long the death signal of a child's leash may take to work."""
END_TIMEOUT_S: Final = 5.0
CREATED_TOLERANCE_S: Final = 2.0
"""The kernel counts from boot; the clock that turns it into a date may have been set."""


def end_leftovers(data_dir: Path) -> list[str]:
    """End the processes that the state file names and that still run; return their names.

    Call it only while no supervisor holds `data_dir`.
    """
    state = load_state(data_dir)
    if state is None:
        return []
    running = {name: pid for name, seen in state.processes.items() if (pid := still_runs(seen))}
    for name, pid in running.items():
        if not _wait(pid, LEASH_GRACE_S):
            end_process(pid, signal.SIGQUIT if name == "postgres" else signal.SIGTERM)
    return list(running)


def end_process(pid: int, number: signal.Signals) -> None:
    """Ask a process that is not our child to end, and kill it when it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        if not _wait(pid, END_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)
            _wait(pid, END_TIMEOUT_S)


def still_runs(seen: ProcessState) -> int | None:
    """Return the pid when it is still that process, and not a later one with the same pid."""
    if seen.pid is None or seen.created_s is None:
        return None
    try:
        process = psutil.Process(seen.pid)
        same = abs(process.create_time() - seen.created_s) < CREATED_TOLERANCE_S
        return seen.pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _wait(pid: int, timeout_s: float) -> bool:
    """Say whether the process ended in time; one that nobody reaps has ended too."""
    try:
        process = psutil.Process(pid)
        _, alive = psutil.wait_procs([process], timeout=timeout_s)
        return not alive or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
