"""What `judgify up` shows: a line per process, a bar for Kafka's jars, then where all of it is."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from judgify.cli.console import console, say
from judgify.cli.terminal_text import printable
from judgify.replay.paste import spell
from judgify.stack.plan import AGENTS, StackOptions
from judgify.stack.reporter import Reporter
from judgify.stack.state import StackState
from runtime.addresses import without_password

MIB: Final = 1_048_576
TITLE_WIDTH: Final = 16
WHERE_WIDTH: Final = 22


@contextmanager
def open_screen(options: StackOptions, *, detach: bool) -> Generator[Reporter]:
    """Give a live screen on a terminal, plain lines elsewhere."""
    plain = PlainScreen(options, detach=detach)
    if not sys.stdout.isatty():
        yield plain
        return
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(20))
    progress = Progress(*columns, TextColumn("{task.fields[where]}"), console=console())
    try:
        with progress:
            yield LiveScreen(plain, progress)
    finally:
        progress.stop()


class PlainScreen:
    """Lines, one per event: for pipes and logs."""

    def __init__(self, options: StackOptions, *, detach: bool) -> None:
        self._options = options
        self._detach = detach

    def begin(self, name: str, title: str) -> None:
        del name, title

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        if done_bytes in (0, total_bytes):
            done = "fetched" if done_bytes else "fetching"
            say(f"{done} Kafka: {total_bytes / MIB:.0f} MiB of jars, kept for all later starts")

    def ready(self, name: str, title: str, where: str, seconds: float) -> None:
        del name
        say(f"{title:<{TITLE_WIDTH}} {where:<{WHERE_WIDTH}} ready in {seconds:.1f} s")

    def remark(self, text: str) -> None:
        say(text)

    def all_ready(self, state: StackState) -> None:
        for line in banner(state, self._options, detach=self._detach):
            say(line)


class LiveScreen:
    """A spinner per process until it is ready, and a bar while we fetch."""

    def __init__(self, plain: PlainScreen, progress: Progress) -> None:
        self._plain = plain
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def begin(self, name: str, title: str) -> None:
        self._tasks[name] = self._progress.add_task(f"{title:<{TITLE_WIDTH}}", total=None, where="")

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        if "jars" not in self._tasks:
            self.begin("jars", "Kafka's jars")
        where = f"{done_bytes / MIB:.0f} of {total_bytes / MIB:.0f} MiB, kept for later starts"
        self._progress.update(
            self._tasks["jars"], completed=done_bytes, total=total_bytes, where=where
        )

    def ready(self, name: str, title: str, where: str, seconds: float) -> None:
        self._progress.update(
            self._tasks[name],
            description=f"{title:<{TITLE_WIDTH}}",
            completed=1,
            total=1,
            where=f"{where:<{WHERE_WIDTH}} ready in {seconds:.1f} s",
        )

    def remark(self, text: str) -> None:
        self._progress.console.print(printable(text))

    def all_ready(self, state: StackState) -> None:
        self._progress.stop()
        self._plain.all_ready(state)


def banner(state: StackState, options: StackOptions, *, detach: bool) -> Iterator[str]:
    """Say where everything is and what to try; each command works as it is printed."""
    data_dir = options.data_dir
    yield ""
    yield "judgify is up"
    yield f"  Kafka          {state.kafka_bootstrap_servers}"
    yield f"  PostgreSQL     {without_password(state.database_url)}"
    if state.redis_url:
        yield f"  Valkey         {without_password(state.redis_url)}"
    if state.llm:
        yield f"  LLM            {state.llm}"
    for name in AGENTS:
        if agent := state.processes.get(name):
            yield f"  {name:<14} http://127.0.0.1:{agent.port}/status"
    yield f"  data and logs  {data_dir}"
    yield ""
    yield "try next" if detach else "try next, in another terminal"
    if not options.services_only:
        send = spell("send", "--workflow", "test", data_dir=data_dir)
        yield f"  echo '{{\"value\": 120}}' | {send}"
        yield f"  {spell('judgments', 'list', data_dir=data_dir)}"
        yield f"  {spell('status', data_dir=data_dir)}"
    yield f'  eval "$({spell("env", data_dir=data_dir)})"'
    end = f"{spell('down', data_dir=data_dir)}   # stops" if detach else "Ctrl-C stops"
    yield f"{end} everything; the data stays"
