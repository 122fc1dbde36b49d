"""A CSV cell becomes what a producer would have sent, by the declared type of its column."""

import orjson
import pytest

from rules.program import FieldType
from rules.workflow.cells import convert_cell, convert_row
from schemas.decode import parse_json
from tests.support.workflows import make_workflow


@pytest.mark.parametrize(
    ("cell", "field_type", "value"),
    [
        ("3", "number", 3),
        ("3.0", "number", 3),
        ("-2.5", "number", -2.5),
        (" 4 ", "number", 4),
        ("1e3", "integer", 1000),
        ("+.5", "number", 0.5),
        ("9007199254740993", "number", "9007199254740993"),
        ("1e999", "number", "1e999"),
        ("nan", "number", "nan"),
        ("1,5", "number", "1,5"),
        ("0x10", "number", "0x10"),
        ("1_000", "number", "1_000"),
        ("\u0663", "number", "\u0663"),
        ("9" * 100, "number", "9" * 100),
        ("TRUE", "boolean", True),
        ("false", "boolean", False),
        ("1", "boolean", "1"),
        ("12", "string", "12"),
        (" x ", "string", " x "),
        ("[1]", "list", "[1]"),
        ("7", None, "7"),
    ],
)
def test_a_cell_becomes_its_type_or_stays_text(
    cell: str, field_type: FieldType | None, value: object
) -> None:
    converted = convert_cell(cell, field_type)

    assert converted == value
    assert type(converted) is type(value)


def test_an_empty_cell_is_absent_and_an_undeclared_column_is_text() -> None:
    workflow = make_workflow(
        input={"x": {"type": "number", "from": "X [mm]"}, "s": {"type": "string"}}
    )

    row = convert_row(workflow, {"X [mm]": "11", "s": "", "other": "5"})

    assert row == {"X [mm]": 11, "other": "5"}


def test_a_column_read_twice_is_converted_as_the_first_field_says() -> None:
    workflow = make_workflow(
        input={"x": {"type": "number", "from": "v"}, "s": {"type": "string", "from": "v"}}
    )

    assert convert_row(workflow, {"v": "5"}) == {"v": 5}


def test_converted_rows_can_travel() -> None:
    cells = {"x": "9007199254740993", "s": "1e999"}
    row = convert_row(make_workflow(), cells)

    assert parse_json(orjson.dumps(row)) == row
