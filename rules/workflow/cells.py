"""Turns the cells of a CSV row into the event that a producer would have sent."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from rules.program import FieldType
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.scalars import INTEGER_MAX

_NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
_NUMBER_CHARS_MAX: Final = 64
_BOOLEANS: Final = {"true": True, "false": False}

Cell = str | int | float | bool


def convert_row(workflow: CompiledWorkflow, row: Mapping[str, str]) -> dict[str, Any]:
    """Return the event: each cell by the declared type of the field that reads its column.

    An empty cell is absent. A cell that cannot be converted, or that no field reads, stays text:
    the rules treat it as they treat such a value of any producer. Cells of type list, and those
    of fields with a `path`, are text, since a row is flat.
    """
    types = _column_types(workflow)
    return {
        column: convert_cell(cell, types.get(column)) for column, cell in row.items() if cell != ""
    }


def convert_cell(cell: str, field_type: FieldType | None) -> Cell:
    """Return the value of one cell; the text itself when it is not of the type."""
    convert = None if field_type is None else _CONVERTERS.get(field_type)
    return cell if convert is None else convert(cell)


def load_number(cell: str) -> Cell:
    """Return the number that the cell spells, an integer where it has no fraction; else the text.

    A number that JSON readers would round or refuse stays text.
    """
    text = cell.strip()
    if len(text) > _NUMBER_CHARS_MAX or not _NUMBER.match(text):
        return cell
    number = int(text) if text.lstrip("+-").isdecimal() else float(text)
    if isinstance(number, float) and not number.is_integer():
        return number if math.isfinite(number) else cell
    return int(number) if abs(number) <= INTEGER_MAX else cell


def load_boolean(cell: str) -> Cell:
    """Return true or false, in any case of letters; else the text."""
    return _BOOLEANS.get(cell.strip().lower(), cell)


_CONVERTERS: Final[dict[FieldType, Callable[[str], Cell]]] = {
    "number": load_number,
    "integer": load_number,
    "boolean": load_boolean,
}


def _column_types(workflow: CompiledWorkflow) -> dict[str, FieldType]:
    """Return the type for each column; the first field that reads a column decides."""
    types: dict[str, FieldType] = {}
    for spec in workflow.program.fields:
        if len(spec.path) == 1:
            types.setdefault(spec.path[0], spec.type)
    return types
