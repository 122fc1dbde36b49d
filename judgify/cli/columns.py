"""Learns what the columns of a CSV file hold: types, ranges, and the few values of a choice."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rules.language.functions import FUNCTIONS
from rules.language.names import name_problem
from rules.workflow.cells import load_boolean, load_number

CHOICES_MAX: Final = 12
"""A text column with more values than this is no choice."""
REPEATS_MIN: Final = 3
"""Rows per value, on average, from which a text column is a choice."""
NAME_CHARS_MAX: Final = 48

_UNIT: Final = re.compile(r"^(.*?)\s*[\[(]([^\])]{1,32})[\])]\s*$")


@dataclass(slots=True)
class Column:
    """What was seen of one column."""

    header: str
    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    has_fraction: bool = False
    is_number: bool = True
    is_boolean: bool = True
    values: set[str] = field(default_factory=set)
    """At most one more than `CHOICES_MAX`."""
    highest: Mapping[str, str] = field(default_factory=dict)
    """The row in which the number was highest, or the first row."""

    @property
    def type(self) -> Literal["number", "boolean", "string"]:
        if self.count and self.is_boolean:
            return "boolean"
        return "number" if self.count and self.is_number else "string"

    @property
    def choices(self) -> list[str]:
        """The values of a column that seems to be a choice, sorted; none for another."""
        few = 1 < len(self.values) <= CHOICES_MAX
        repeats = self.count >= REPEATS_MIN * len(self.values)
        return sorted(self.values) if self.type == "string" and few and repeats else []

    def see(self, cell: str, row: Mapping[str, str]) -> None:
        """Take one cell into account; an empty one says nothing."""
        if cell == "":
            return
        self.count += 1
        self.highest = self.highest or row
        if len(self.values) <= CHOICES_MAX:
            self.values.add(cell)
        self.is_boolean = self.is_boolean and isinstance(load_boolean(cell), bool)
        number = load_number(cell)
        if isinstance(number, str):
            self.is_number = False
            return
        if number > self.high:
            self.highest = row
        self.low, self.high = min(self.low, number), max(self.high, number)


@dataclass(frozen=True, slots=True)
class Named:
    """A column with the name that expressions use, and its unit if the header has one."""

    name: str
    unit: str | None
    column: Column


def survey(rows: Iterable[Mapping[str, str]]) -> tuple[list[Column], int]:
    """Return what the columns hold, in the order of the file, and how many rows there are."""
    columns: dict[str, Column] = {}
    count = 0
    for row in rows:
        count += 1
        for header, cell in row.items():
            columns.setdefault(header, Column(header)).see(cell, row)
    return list(columns.values()), count


def name_columns(columns: Iterable[Column]) -> list[Named]:
    """Give each column a name of its own that the rule language accepts."""
    taken: set[str] = set()
    named = []
    for column in columns:
        match = _UNIT.match(column.header)
        stem, unit = (match[1], match[2]) if match else (column.header, None)
        name = base = _name(stem)
        number = 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        named.append(Named(name, unit, column))
    return named


def _name(header: str) -> str:
    """Return `air_temperature` for `Air temperature`."""
    text = unicodedata.normalize("NFKC", header).lower()
    word = re.sub(r"\W+", "_", text).strip("_")[:NAME_CHARS_MAX] or "field"
    if name_problem(word) or word in FUNCTIONS:
        word = f"field_{word}"
    return "field" if name_problem(word) else word


def sample(row: Mapping[str, str], named: Iterable[Named]) -> dict[str, Any]:
    """Return the row as an event, typed like the draft's fields; empty cells are absent."""
    event: dict[str, Any] = {}
    for each in named:
        cell = row.get(each.column.header, "")
        if cell != "":
            loaders = {"number": load_number, "boolean": load_boolean}
            load = loaders.get(each.column.type)
            event[each.column.header] = load(cell) if load else cell
    return event
