"""Payloads of released versions: they parse for ever, and no field of theirs is lost.

Add files, never edit or remove one. A payload that cannot be read any more needs a new `.vN` topic.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from judgify.schema_files import MESSAGES, render_schema
from schemas.decode import parse_json, parse_request
from schemas.identity import make_judgment_id

PATHS = sorted(Path(__file__).with_name("golden").glob("*.json"))


def message_of(path: Path) -> str:
    """`judgment.decided.json` holds a `judgment`."""
    return path.name.split(".")[0]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_golden_payload_parses_and_keeps_every_field(path: Path) -> None:
    golden = parse_json(path.read_bytes())

    message = MESSAGES[message_of(path)].model_validate(golden)

    dumped = message.model_dump(mode="json")
    assert {name: dumped[name] for name in golden} == golden
    assert type(message).model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_golden_payload_fits_its_published_schema(path: Path) -> None:
    schema = json.loads(render_schema(message_of(path)))

    errors = list(Draft202012Validator(schema).iter_errors(json.loads(path.read_bytes())))

    assert not errors


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_reader_ignores_a_field_that_it_does_not_know(path: Path) -> None:
    model = MESSAGES[message_of(path)]
    golden = json.loads(path.read_bytes())

    extended = model.model_validate(golden | {"added_later": [1]})

    assert extended == model.model_validate(golden)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_payload_without_a_field_that_must_be_there_is_refused(path: Path) -> None:
    model = MESSAGES[message_of(path)]
    golden: dict[str, Any] = json.loads(path.read_bytes())
    needed = [name for name, field in model.model_fields.items() if field.is_required()]

    for name in needed:
        rest = {key: value for key, value in golden.items() if key != name}
        with pytest.raises(ValidationError):
            model.model_validate(rest)


def test_every_message_has_a_golden_payload() -> None:
    assert {message_of(path) for path in PATHS} == set(MESSAGES)


@pytest.mark.parametrize(
    "path", [path for path in PATHS if message_of(path) == "request"], ids=lambda path: path.stem
)
def test_the_parser_of_the_hot_path_reads_golden_requests_alike(path: Path) -> None:
    parsed = parse_request(path.read_bytes())._asdict()

    by_model = MESSAGES["request"].model_validate_json(path.read_bytes()).model_dump()
    assert {name: parsed[name] for name in by_model if name in parsed} == {
        name: value for name, value in by_model.items() if name in parsed
    }
    assert parsed.keys() - by_model.keys() == {"input_json"}


@pytest.mark.parametrize(
    "path", [path for path in PATHS if message_of(path) == "judgment"], ids=lambda path: path.stem
)
def test_a_judgment_keeps_the_id_that_its_request_gives_it(path: Path) -> None:
    golden = json.loads(path.read_bytes())

    made = make_judgment_id(golden["tenant"], golden["workflow_id"], golden["request_id"])

    assert made == golden["judgment_id"]


def test_the_id_of_the_first_judgment_ever_promised_is_kept() -> None:
    assert make_judgment_id("default", "milling", "r-1") == "a1cf28d5-4d3d-5e08-b56a-1711f70b4277"
