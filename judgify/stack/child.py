"""One child process: started on a leash, logged to a bounded file, stopped by signal."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from schemas.errors import DependencyError

LEASH: Final = Path(__file__).with_name("leash.py")
LOG_BYTES_MAX: Final = 16 * 1_048_576
"""A log is cut at this size; one older piece, `NAME.log.1`, is kept beside it."""
LOG_TAIL_BYTES_MAX: Final = 8_192
LOG_TAIL_LINES: Final = 15
KILL_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Under whom a command runs."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """How a child is started."""

    name: str
    argv: tuple[str, ...]
    log: Path
    cwd: Path
    death_signal: signal.Signals
    """Sent when the parent dies, however it dies."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to ours."""
    owner: Owner | None = None
    """None: as ourselves."""


class Child:
    """A running command."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command) -> None:
        self._process = process
        self.command = command
        self.pid = process.pid
        self.created_s = _created_s(process.pid)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_reason(self) -> str | None:
        """Return why it ended, `exit code 1` or `killed by SIGKILL`; None while it lives."""
        code = self._process.poll()
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def stop(self, number: signal.Signals, timeout_s: float) -> bool:
        """Send the signal, wait, and kill after `timeout_s`; say whether it went by itself."""
        self.send(number)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the command and all that it started: it leads a process group of its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait(KILL_TIMEOUT_S)


def spawn(command: Command) -> Child:
    """Start `command` in a session of its own; call it from the main thread (see leash.py).

    Raises:
        DependencyError: the system refused.
    """
    try:
        bound_log(command.log)
        with command.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 -- the command is ours
                leashed(command.argv, command.death_signal, command.owner),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.cwd,
                env=_environment(command.environment),
                start_new_session=True,
            )
    except OSError as error:
        raise DependencyError(command.name, f"could not be started: {error}") from error
    return Child(process, command)


def run_to_end(command: Command, timeout_s: float) -> None:
    """Run `command` and wait for it.

    Raises:
        DependencyError: it failed or took too long; the tail of its log says why.
    """
    child = spawn(command)
    try:
        child._process.wait(timeout_s)  # noqa: SLF001 -- the one other owner of the process
    except subprocess.TimeoutExpired as error:
        child.kill()
        raise DependencyError(command.name, f"took longer than {timeout_s:.0f} s") from error
    if child.exit_reason != "exit code 0":
        raise DependencyError(command.name, f"{child.exit_reason}\n{log_tail(command.log)}")


def bound_log(path: Path) -> None:
    """Cut a log that has grown past its limit; the older piece is kept beside it.

    The writer appends (O_APPEND), so it goes on at the new end; what it writes between the copy
    and the cut is lost.
    """
    try:
        if path.stat().st_size <= LOG_BYTES_MAX:
            return
    except FileNotFoundError:
        return
    with path.open("rb+") as log, path.with_suffix(".log.1").open("wb") as older:
        log.seek(-LOG_BYTES_MAX, os.SEEK_END)
        older.write(log.read(LOG_BYTES_MAX))
        log.truncate(0)


def log_tail(path: Path) -> str:
    """Return the last lines of a log, indented, with where to read the rest."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - LOG_TAIL_BYTES_MAX))
            lines = log.read().decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "\n".join([*(f"    {line}" for line in lines), f"  log: {path}"])


def leashed(
    argv: Sequence[str], death_signal: signal.Signals, owner: Owner | None = None
) -> list[str]:
    """Return the command that runs `argv` as `owner`, on a leash that we hold (see leash.py)."""
    leash = [sys.executable, "-I", "-S", str(LEASH)]
    leash += ["--parent", str(os.getpid()), "--signal", str(int(death_signal))]
    if owner:
        leash += ["--uid", str(owner.uid), "--gid", str(owner.gid)]
    return [*leash, "--", *argv]


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **added}  # noqa: TID251 -- a child gets our environment and some more


def _created_s(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
