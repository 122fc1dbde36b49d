"""What the supervisor tells while it starts: one line per process, one bar for the jars."""

from typing import Protocol

from judgify.stack.state import StackState


class Reporter(Protocol):
    """Shown on a terminal, written to a log, or kept by a test."""

    def begin(self, name: str, title: str) -> None:
        """`name` is being started."""
        ...

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        """So much of Kafka has been fetched; may come from any thread."""
        ...

    def ready(self, name: str, title: str, where: str, seconds: float) -> None:
        """`name` does its work, at the address `where`."""
        ...

    def remark(self, text: str) -> None:
        """Something worth a line."""
        ...

    def all_ready(self, state: StackState) -> None:
        """The stack is up."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, name: str, title: str) -> None: ...
    def progress(self, done_bytes: int, total_bytes: int) -> None: ...
    def ready(self, name: str, title: str, where: str, seconds: float) -> None: ...
    def remark(self, text: str) -> None: ...
    def all_ready(self, state: StackState) -> None: ...
