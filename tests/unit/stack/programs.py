"""A program for tests of the supervisor: Python code as a child."""

import signal
import sys
from pathlib import Path

from judgify.stack.child import Command


class Example:
    """Runs `code` in `home`; is ready when the file `ready` is there."""

    title = "Example"
    port = 1
    stop_signal = signal.SIGTERM
    stop_timeout_s = 10.0
    ready_timeout_s = 10.0

    def __init__(self, home: Path, code: str, name: str = "example") -> None:
        self.name = name
        self._home = home
        self._code = code

    def prepare(self) -> None:
        self._home.mkdir(exist_ok=True)

    def command(self) -> Command:
        return Command(
            name=self.name,
            argv=(sys.executable, "-c", self._code),
            log=self._home / f"{self.name}.log",
            cwd=self._home,
            death_signal=signal.SIGKILL,
        )

    def is_ready(self) -> bool:
        return (self._home / "ready").exists()
