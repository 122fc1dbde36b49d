"""Judges all rows of a run, with a bar on a terminal when they come from a file."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from judgify.cli.console import console
from judgify.cli.inputs import Row, Rows
from judgify.cli.judge_run import Run
from runtime.clock import SystemClock

PROGRESS_EVERY: Final = 1_000
"""Rows between two moves of the bar."""


def judge_all(run: Run, rows: Iterable[Row], *, explain: bool = False) -> None:
    """Judge the rows, and note in the run how long that took.

    Raises:
        MessageError: `unreadable_input`: a row cannot be read.
    """
    clock = SystemClock()
    started_s = clock.monotonic_s()
    with _show_progress(rows) as show:
        for count in run.judge(rows, explain=explain):
            if count % PROGRESS_EVERY == 0:
                show(count)
    run.seconds = clock.monotonic_s() - started_s


@contextmanager
def _show_progress(rows: Iterable[Row]) -> Generator[Callable[[int], None]]:
    screen = console(stderr=True)
    if not screen.is_terminal or not isinstance(rows, Rows):
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=rows.count_roughly())
        yield lambda count: bar.update(task, completed=count)
