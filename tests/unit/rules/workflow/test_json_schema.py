"""The JSON Schema accepts what the reader accepts, and tells authors what each key means."""

import json
from typing import Any

import jsonschema
import pytest

from rules.workflow.json_schema import document_schema, keys_at
from tests.support.workflows import ROOT, make_document, read_milling

PUBLISHED = ROOT / "examples" / "workflow.schema.json"


def is_valid(document: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(document_schema())
    return not list(validator.iter_errors(document))


def test_it_is_a_schema_that_accepts_sound_workflows() -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema())

    assert is_valid(read_milling().data)
    assert is_valid(make_document())


@pytest.mark.parametrize(
    "parts",
    [
        {"titel": "x"},
        {"judgify": 2},
        {"otherwise": {}},
        {"rules": [{"id": "A", "when": 5, "verdict": "ok"}]},
        {"input": {"x": {"type": "float"}}},
        {"verdicts": {}},
        {"owner": 5},
        {"constants": {"k": [[1]]}},
    ],
)
def test_it_refuses_what_the_reader_refuses(parts: dict[str, Any]) -> None:
    assert not is_valid(make_document(**parts))


def test_null_is_no_value_but_in_events_and_expectations() -> None:
    test = {"name": "t", "input": {"x": None}, "expect": {"rule": None, "verdict": None}}

    assert is_valid(make_document(tests=[test]))
    assert not is_valid(make_document() | {"otherwise": None})
    assert not is_valid(make_document() | {"title": None})


def test_every_key_says_what_it_means() -> None:
    schema = document_schema()

    for name, part in [("document", schema), *schema["$defs"].items()]:
        for key, meaning in part["properties"].items():
            assert len(meaning.get("description", "")) > 10, f"{name}.{key}"


def test_keys_are_known_at_every_place() -> None:
    assert "verdict" in keys_at(("rules", 3))
    assert "one_of" in keys_at(("input", "anything"))
    assert keys_at(("otherwise",)) == ["verdict", "confidence", "reason"]
    assert keys_at(("tests", 0, "input")) == []
    assert keys_at(("nowhere", "at", "all")) == []


def test_the_published_schema_is_the_present_one() -> None:
    # `judgify workflow schema > examples/workflow.schema.json` brings it up to date.
    assert json.loads(PUBLISHED.read_text("utf-8")) == document_schema()
