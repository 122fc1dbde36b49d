"""What the user sees: errors in one clear line, tables, JSON; never an escape from a record."""

import os
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from judgify.cli.terminal_text import printable, printable_json
from schemas.errors import FatalError, PipelineError

EXIT_FAILURE: Final = 1
EXIT_MISUSE: Final = 2
EXIT_INTERRUPTED: Final = 130
EXIT_PIPE: Final = 141
"""As a shell reports SIGPIPE."""
PIPE_WIDTH: Final = 10_000
"""Columns when the output is no terminal: a table that is piped must not be folded."""


def console(*, stderr: bool = False) -> Console:
    """Return a console on the present stdout or stderr; `NO_COLOR` and pipes get no colours."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def say(text: str = "", *, style: str = "") -> None:
    """Print a line on stdout, without reading markup in it."""
    console().print(Text(printable(text), style=style), soft_wrap=True)


def note(text: str, *, style: str = "dim") -> None:
    """Print a line on stderr: progress and remarks that must not end up in a pipe."""
    console(stderr=True).print(Text(printable(text), style=style), soft_wrap=True)


def fail(message: str, hint: str | None = None, code: int = EXIT_FAILURE) -> NoReturn:
    """Say on stderr what is wrong and, with `hint`, what to do; end with exit code `code`."""
    screen = console(stderr=True)
    line = Text.assemble(("error: ", "bold red"), printable(message))
    screen.print(line, soft_wrap=True)
    if hint:
        screen.print(Text.assemble(("  do: ", "bold"), printable(hint)), soft_wrap=True)
    raise SystemExit(code)


def print_json(value: Any) -> None:
    """Print one JSON document, and nothing else, on stdout: what `--json` promises."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    document = orjson.dumps(value, default=_as_json, option=options).decode()
    sys.stdout.write(printable_json(document))
    sys.stdout.flush()


def _as_json(value: object) -> object:
    """Return what stands in the JSON for a value that orjson does not know."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, SecretStr):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print `rows` under `columns`; numbers to the right, None as a dash."""
    table = Table(title=title, box=None, header_style="bold", pad_edge=False, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console().print(table)


def _cell(value: object) -> Text:
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int | float):
        return Text(f"{value:,}", justify="right")
    return Text(printable(value))


@contextmanager
def report_failures() -> Generator[None]:
    """Turn an error of ours into one line and an exit code; bugs keep their traceback.

    Works around a block and as a decorator. A misconfiguration is misuse (2), the rest failure (1).
    """
    try:
        yield
    except FatalError as error:
        fail(str(error), code=EXIT_MISUSE)
    except PipelineError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`); Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_PIPE) from None
