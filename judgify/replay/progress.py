"""Progress of a replay: two bars on a terminal's stderr, nothing in a pipe."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from judgify.cli.console import console


class ShowProgress(Protocol):
    """Told how far a run is, as often as it likes to tell."""

    def __call__(self, *, sent: int, finished: int) -> None: ...


def show_nothing(*, sent: int, finished: int) -> None:
    """Take note of progress and show none of it."""
    del sent, finished


@contextmanager
def show_bars(total: int, *, wait: bool) -> Generator[ShowProgress]:
    """Show how many of `total` requests are sent and, with `wait`, have an outcome."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield show_nothing
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=screen, transient=True) as bars:
        sending = bars.add_task("sent  ", total=total)
        judging = bars.add_task("judged", total=total, visible=wait)

        def show(*, sent: int, finished: int) -> None:
            bars.update(sending, completed=sent)
            bars.update(judging, completed=finished)

        yield show
