"""The published JSON Schemas are exactly what the models say."""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas
from judgify.schema_files import DIRECTORY, MESSAGES, render_schema, write_schemas
from schemas.dead_letter import DeadLetter
from schemas.model import Message
from schemas.workflow_record import Activation as MessageOfActivations

IN_HEADERS = {DeadLetter}
"""Messages that are no JSON value: their fields travel as headers of a record."""


@pytest.mark.parametrize("name", MESSAGES)
def test_the_checked_in_schema_is_the_models(name: str) -> None:
    checked_in = (DIRECTORY / f"{name}.json").read_text(encoding="utf-8")

    assert checked_in == render_schema(name), "run `make schemas`, and say what changed"


def test_there_is_no_schema_without_a_message() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.json")} == set(MESSAGES)


def test_every_message_is_published_or_part_of_one_that_is() -> None:
    for module in pkgutil.iter_modules(schemas.__path__):
        import_module(f"schemas.{module.name}")
    parts = {part for model in MESSAGES.values() for part in _definitions(model)}

    missing = {
        model.__name__
        for model in Message.__subclasses__()
        if model.__module__.startswith("schemas.")
        and model not in MESSAGES.values()
        and model not in IN_HEADERS
        and model.__name__ not in parts
    }

    assert not missing


@pytest.mark.parametrize("name", MESSAGES)
def test_every_field_says_what_it_means(name: str) -> None:
    schema = MESSAGES[name].model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]

    silent = [
        f"{part['title']}.{field}"
        for part in parts
        for field, said in part["properties"].items()
        if not said.get("description")
    ]

    assert not silent


@pytest.mark.parametrize("name", MESSAGES)
def test_the_schema_is_valid_json_schema_and_forbids_no_new_field(name: str) -> None:
    schema = MESSAGES[name].model_json_schema()

    Draft202012Validator.check_schema(schema)
    assert "additionalProperties" not in schema


def test_writing_removes_the_schema_of_a_message_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}")

    write_schemas(tmp_path)

    assert {path.stem for path in tmp_path.iterdir()} == set(MESSAGES)


def test_a_changed_model_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Activation(MessageOfActivations):
        reason: str = ""
        """A field that nobody published."""

    monkeypatch.setitem(MESSAGES, "activation", Activation)

    checked_in = (DIRECTORY / "activation.json").read_text(encoding="utf-8")
    assert checked_in != render_schema("activation")


def _definitions(model: type[Message]) -> dict[str, Any]:
    definitions: dict[str, Any] = model.model_json_schema().get("$defs", {})
    return definitions
