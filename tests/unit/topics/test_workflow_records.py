"""Workflow records: to bytes and back; what is about something else than its key is refused."""

import json
from typing import Any

import pytest

from schemas.errors import MessageError
from schemas.workflow_record import Activation, WorkflowVersion
from topics.workflow_records import (
    ActivationKey,
    VersionKey,
    encode_activation,
    encode_version,
    parse_activation,
    parse_version,
    parse_workflow_key,
)

VERSION = "0123456789abcdef" * 4


def make_activation(**fields: Any) -> Activation:
    defaults = {"tenant": "default", "workflow_id": "milling", "version": VERSION, "author": "ana"}
    return Activation.model_validate(defaults | fields)


def test_a_version_reads_back() -> None:
    key = VersionKey("default", "milling", VERSION)
    record = WorkflowVersion(
        document={"id": "milling", "x": [1, 2.5, "가"]}, author="ana", source="#"
    )

    raw_key, raw = encode_version(key, record)

    assert raw_key == f"version/default/milling/{VERSION}".encode()
    assert parse_workflow_key(raw_key) == key
    assert parse_version(raw) == record


@pytest.mark.parametrize("version", [VERSION, None])
def test_an_activation_reads_back(version: str | None) -> None:
    record = make_activation(version=version, delay_ms=10_000, note="why")

    raw_key, raw = encode_activation(record)

    key = parse_workflow_key(raw_key)
    assert isinstance(key, ActivationKey)
    assert parse_activation(key, raw) == record


def test_no_two_activations_share_a_key() -> None:
    keys = {encode_activation(make_activation())[0] for _ in range(100)}

    assert len(keys) == 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"version/default/milling/0123",
        f"version/Default/milling/{VERSION}".encode(),
        f"version/default/milling/{VERSION}/x".encode(),
        f"version/default/milling/{VERSION}\n".encode(),
        b"activation/default/milling/1",
        b"other/default/milling/1",
    ],
)
def test_another_key_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError, match="invalid_workflow_key"):
        parse_workflow_key(raw)


@pytest.mark.parametrize("field", ["tenant", "workflow_id"])
def test_an_activation_of_another_workflow_than_its_key_is_refused(field: str) -> None:
    key = ActivationKey("default", "milling", "0" * 36)
    _, raw = encode_activation(make_activation(**{field: "other"}))

    with pytest.raises(MessageError, match="another than its key"):
        parse_activation(key, raw)


@pytest.mark.parametrize(
    "change", [{"version": "14"}, {"delay_ms": -1}, {"author": None}, {"delay_ms": "2000"}]
)
def test_an_ill_formed_activation_is_refused_by_field(change: dict[str, Any]) -> None:
    key = ActivationKey("default", "milling", "0" * 36)
    raw = json.dumps(make_activation().model_dump() | change).encode()

    with pytest.raises(MessageError, match=next(iter(change))):
        parse_activation(key, raw)
