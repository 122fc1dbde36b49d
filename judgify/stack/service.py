"""A process of the stack and its life: prepared, launched, ready, stopped."""

import signal
import socket
import time
from typing import Final, Protocol

from judgify.stack.child import Child, Command, log_tail, spawn
from schemas.errors import DependencyError

POLL_INTERVAL_S: Final = 0.05
CONNECT_TIMEOUT_S: Final = 0.5


class Program(Protocol):
    """What is run: Kafka, PostgreSQL, Valkey, or an agent."""

    name: str
    """As in the state file and the names of logs: `kafka`."""
    title: str
    """For people: `Kafka 4.3.1`."""
    port: int
    stop_signal: signal.Signals
    """What asks it for an orderly end."""
    stop_timeout_s: float
    """How long that may take; then it is killed."""
    ready_timeout_s: float

    def prepare(self) -> None:
        """Lay out what it needs on disk; may run in any thread, and twice."""
        ...

    def command(self) -> Command:
        """Return how it is started."""
        ...

    def is_ready(self) -> bool:
        """Ask the running process, in two seconds at most, whether it does its work."""
        ...


class Service:
    """A program and its process; `start` and `stop` by hand, or supervised."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.child: Child | None = None
        self._deadline_s = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def is_alive(self) -> bool:
        return self.child is not None and self.child.is_alive

    def start(self) -> None:
        """Prepare, launch, and return when it is ready; from the main thread (see leash.py).

        Raises:
            DependencyError: it ended, or was not ready in time.
        """
        self.program.prepare()
        self.launch()
        while not self.poll_ready():
            time.sleep(POLL_INTERVAL_S)

    def launch(self) -> None:
        self.child = spawn(self.program.command())
        self._deadline_s = time.monotonic() + self.program.ready_timeout_s

    def stop(self) -> bool:
        """Stop the process; say whether it ended by itself. It may be started again."""
        if self.child is None:
            return True
        return self.child.stop(self.program.stop_signal, self.program.stop_timeout_s)

    def kill(self) -> None:
        """End the process without a word, as a crash would."""
        if self.child is not None:
            self.child.kill()

    def poll_ready(self) -> bool:
        """Ask once whether it is ready.

        Raises:
            DependencyError: it ended, or was not ready in time.
        """
        child = self.child
        if child is None or not child.is_alive:
            raise self._failed(f"{child.exit_reason}" if child else "was not started")
        if self.program.is_ready():
            return True
        if time.monotonic() > self._deadline_s:
            raise self._failed(f"was not ready within {self.program.ready_timeout_s:.0f} s")
        return False

    def _failed(self, reason: str) -> DependencyError:
        return DependencyError(self.name, f"{reason}\n{log_tail(self.program.command().log)}")


def accepts_connections(host: str, port: int) -> bool:
    """Say whether something listens there: a cheap question before a dear one."""
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False
