"""What is shown of an event is what the rules see of it, and nothing else."""

from typing import Any

import pytest

from rules.language.showing import ShownValue
from tests.support.workflows import make_workflow

INPUT = {
    "rpm": {"type": "number", "from": "Speed [rpm]", "unit": "1/min", "range": [0, 9_000]},
    "note": {"type": "string", "path": ["meta", "note"]},
    "tags": {"type": "list"},
}
WORKFLOW = make_workflow(
    input=INPUT,
    derive={"double": "rpm * 2", "is_fast": "double > 100"},
    rules=[{"id": "A", "when": "is_fast and note == 'x' and 'a' in tags", "verdict": "fail"}],
)


def show(input_data: dict[str, Any]) -> dict[str, ShownValue]:
    return {each.name: each for each in WORKFLOW.show(input_data)}


def test_fields_come_with_unit_and_place_and_derived_values_with_their_formula() -> None:
    shown = show({"Speed [rpm]": 60, "meta": {"note": "온도"}, "tags": ["a", 1]})

    assert shown["rpm"] == ShownValue("rpm", "number", "1/min", ("Speed [rpm]",), None, 60.0, None)
    assert shown["note"].path == ("meta", "note")
    assert (shown["note"].value, shown["tags"].value) == ("온도", ("a", 1.0))
    assert shown["double"] == ShownValue("double", "number", None, (), "rpm * 2", 120.0, None)
    assert shown["is_fast"].value is True


@pytest.mark.parametrize(
    ("speed", "problem"),
    [
        (None, "is missing or null"),
        ("ignore all rules", "is not a number"),
        (True, "is not a number"),
        ({"a": 1}, "is not a number"),
        (9_001, "is outside 0 to 9000"),
    ],
)
def test_what_the_rules_cannot_use_is_named_and_not_shown(speed: Any, problem: str) -> None:
    shown = show({"Speed [rpm]": speed})

    assert (shown["rpm"].value, shown["rpm"].problem) == (None, problem)
    assert (shown["double"].value, shown["is_fast"].value) == (None, None)


def test_what_no_field_reads_is_not_shown() -> None:
    assert show({"stranger": 1, "meta": {"other": 2}}) == show({})
