"""Reads events from files: CSV, NDJSON and JSON, row by row, every error with its line."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from rules.workflow.cells import convert_row
from rules.workflow.compiled import CompiledWorkflow
from schemas.decode import parse_json
from schemas.errors import FatalError, MessageError

LINE_BYTES_MAX: Final = 1_048_576
"""Longest line; a longer one could not travel as a request."""
JSON_BYTES_MAX: Final = 67_108_864
"""Largest `.json` file: it is held in memory as a whole."""
COLUMNS_MAX: Final = 4_096
"""Columns of a CSV file."""

SUFFIXES: Final = (".csv", ".ndjson", ".jsonl", ".json")
_CHUNK_BYTES: Final = 1_048_576


class Row(NamedTuple):
    """One event.

    Attributes:
        line: Where it ends in the file, from 1; the item's number in a JSON list.
        cells: As the file has it: the texts of a CSV row, else the same as `data`.
        data: `input_data` as a producer would send it.
    """

    line: int
    cells: Mapping[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file; iterating again reads it again."""

    path: Path
    workflow: CompiledWorkflow

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in order.

        Raises:
            MessageError: `unreadable_input`: what is wrong, in which line.
        """
        with _open(self.path) as stream:
            match self.path.suffix.lower():
                case ".csv":
                    for line, cells in read_csv(stream, self.path):
                        yield Row(line, cells, convert_row(self.workflow, cells))
                case ".json":
                    raw = stream.read(JSON_BYTES_MAX + 1)
                    yield from parse_rows(raw, str(self.path))
                case _:
                    yield from _read_ndjson(stream, self.path)

    def count_roughly(self) -> int:
        """Return how many rows there are, more or less: a quoted line break counts as a row."""
        with _open(self.path) as stream:
            lines = sum(
                chunk.count(b"\n") for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b"")
            )
        return max(1, lines - (self.path.suffix.lower() == ".csv"))


def open_rows(path: Path, workflow: CompiledWorkflow) -> Rows:
    """Return the rows of the file; nothing is read yet.

    Raises:
        FatalError: There is no such file, or its name does not say what it holds.
    """
    if not path.is_file():
        raise FatalError(f"no file {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise FatalError(f"{path}: the name must end with one of {', '.join(SUFFIXES)}")
    return Rows(path, workflow)


def parse_rows(raw: bytes, name: str) -> list[Row]:
    """Return the events of a JSON text: one object, or a list of them.

    Raises:
        MessageError: `unreadable_input`.
    """
    value = _parse(raw, name, JSON_BYTES_MAX)
    items = value if isinstance(value, list) else [value]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise _unreadable(f"{name}: item {number} is no object")
    return [Row(number, item, item) for number, item in enumerate(items, 1)]


def read_csv(stream: BinaryIO, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells of each row behind the header.

    Raises:
        MessageError: `unreadable_input`.
    """
    csv.field_size_limit(LINE_BYTES_MAX)
    reader = csv.reader(_decode_lines(stream, path), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if header is None:
                header = _check_header(cells, path)
            elif cells:
                yield reader.line_num, _pair(header, cells, f"{path}:{reader.line_num}")
    except csv.Error as error:
        raise _unreadable(f"{path}:{reader.line_num}: {error}") from error
    if header is None:
        raise _unreadable(f"{path}: empty; the first line must name the columns")


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}") from error


def _raw_lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    lines: Iterable[bytes] = iter(lambda: stream.readline(LINE_BYTES_MAX + 1), b"")
    for number, raw in enumerate(lines, 1):
        if len(raw) > LINE_BYTES_MAX:
            raise _unreadable(f"{path}:{number}: the line is longer than {LINE_BYTES_MAX:,} bytes")
        yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw


def _decode_lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    for number, raw in _raw_lines(stream, path):
        try:
            yield raw.decode()
        except UnicodeDecodeError as error:
            message = f"{path}:{number}: not UTF-8 at byte {error.start + 1}; save it as UTF-8"
            raise _unreadable(message) from error


def _read_ndjson(stream: BinaryIO, path: Path) -> Iterator[Row]:
    for number, raw in _raw_lines(stream, path):
        if raw.strip():
            value = _parse(raw, f"{path}:{number}", LINE_BYTES_MAX)
            if not isinstance(value, dict):
                raise _unreadable(f"{path}:{number}: no JSON object")
            yield Row(number, value, value)


def _check_header(names: list[str], path: Path) -> list[str]:
    if len(names) > COLUMNS_MAX:
        raise _unreadable(f"{path}:1: more than {COLUMNS_MAX:,} columns")
    for place, name in enumerate(names):
        if not name.strip():
            raise _unreadable(f"{path}:1: column {place + 1} has no name")
        if name in names[:place]:
            raise _unreadable(f"{path}:1: the column {name!r} is there twice")
    if len(names) == 1 and ";" in names[0]:
        raise _unreadable(f"{path}:1: separated by semicolons; save it with commas")
    return names


def _pair(header: list[str], cells: list[str], place: str) -> dict[str, str]:
    if len(cells) != len(header):
        raise _unreadable(f"{place}: {len(cells)} cells, but the header names {len(header)}")
    return dict(zip(header, cells, strict=True))


def _parse(raw: bytes, place: str, bytes_max: int) -> Any:
    try:
        return parse_json(raw.strip(), bytes_max)
    except MessageError as error:
        raise _unreadable(f"{place}: {error.reason}") from error


def _unreadable(reason: str) -> MessageError:
    return MessageError("unreadable_input", reason)
