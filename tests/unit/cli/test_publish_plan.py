"""The plan of a publication: every part that differs is named, and nothing else."""

from copy import deepcopy
from typing import Any

import pytest

from judgify.cli.publish_plan import SPELLED_CHARACTERS_MAX, describe_changes

BEFORE: dict[str, Any] = {
    "id": "milling",
    "title": "Milling",
    "input": {"rpm": {"type": "number"}, "wear": {"type": "number", "unit": "min"}},
    "rules": [{"id": "A", "when": "rpm > 1", "verdict": "fail"}, {"id": "B", "when": "rpm > 2"}],
    "tests": [{"name": "one"}],
}


def test_the_same_document_has_no_changes() -> None:
    assert describe_changes(BEFORE, deepcopy(BEFORE)) == []


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({"title": "Mill"}, ["title changed (Milling → Mill)"]),
        ({"min_confidence": 0.8}, ["min_confidence added"]),
        ({"tests": []}, ["test one removed"]),
        (
            {"input": {"rpm": {"type": "integer"}, "torque": {"type": "number"}}},
            [
                "input rpm changed (type: number → integer)",
                "input torque added",
                "input wear removed",
            ],
        ),
        (
            {"rules": [{"id": "A", "when": "rpm > 3", "verdict": "fail"}, {"id": "C"}]},
            ["rule A changed (when: rpm > 1 → rpm > 3)", "rule C added", "rule B removed"],
        ),
        ({"rules": BEFORE["rules"][::-1]}, ["rule B moved (from 2 to 1)"]),
    ],
)
def test_each_change_is_named(change: dict[str, Any], lines: list[str]) -> None:
    assert describe_changes(BEFORE, BEFORE | change) == lines


def test_what_is_left_out_is_removed() -> None:
    after = {key: value for key, value in BEFORE.items() if key != "title"}

    assert describe_changes(BEFORE, after) == ["title removed"]


def test_a_long_value_is_shortened() -> None:
    (line,) = describe_changes(BEFORE, BEFORE | {"title": "x" * 10_000})

    assert len(line) < 2 * SPELLED_CHARACTERS_MAX
