"""Workflow records: their keys, and versions and activations to bytes and back."""

import re
import uuid
from typing import Any, Final, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from schemas.decode import parse_json
from schemas.errors import MessageError
from schemas.workflow_record import Activation, WorkflowVersion
from topics.registry import RECORD_BYTES_MAX

_SLUG: Final = r"[a-z0-9][a-z0-9_.-]{0,63}"
_VERSION_KEY: Final = re.compile(rf"version/({_SLUG})/({_SLUG})/([0-9a-f]{{64}})")
_ACTIVATION_KEY: Final = re.compile(rf"activation/({_SLUG})/({_SLUG})/([0-9a-f-]{{36}})")

_M = TypeVar("_M", bound=BaseModel)


class VersionKey(NamedTuple):
    """Under which a document is published; the same document always under the same."""

    tenant: str
    workflow_id: str
    version: str


class ActivationKey(NamedTuple):
    """Under which an activation is published; no two share one."""

    tenant: str
    workflow_id: str
    activation_id: str


def parse_workflow_key(raw: bytes) -> VersionKey | ActivationKey:
    """Return what the record under the key `raw` is.

    Raises:
        MessageError: `invalid_workflow_key`.
    """
    text = raw.decode("utf-8", "replace")
    if match := _VERSION_KEY.fullmatch(text):
        return VersionKey(*match.groups())
    if match := _ACTIVATION_KEY.fullmatch(text):
        return ActivationKey(*match.groups())
    raise MessageError("invalid_workflow_key", "expected version/… or activation/…")


def parse_version(raw: bytes) -> WorkflowVersion:
    """Return the published version in `raw`; its document is not compiled.

    Raises:
        MessageError: it is none.
    """
    return _parse(WorkflowVersion, raw)


def parse_activation(key: ActivationKey, raw: bytes) -> Activation:
    """Return the activation in `raw`.

    Raises:
        MessageError: it is none, or it is about another workflow than its key.
    """
    activation = _parse(Activation, raw)
    if (activation.tenant, activation.workflow_id) != (key.tenant, key.workflow_id):
        raise MessageError("invalid_workflow", "the activation is about another than its key")
    return activation


def encode_version(key: VersionKey, record: WorkflowVersion) -> tuple[bytes, bytes]:
    """Return key and value of the record that publishes a version."""
    return f"version/{'/'.join(key)}".encode(), _encode(record)


def encode_activation(record: Activation) -> tuple[bytes, bytes]:
    """Return key and value of the record that activates a version; the key is new each time."""
    key = f"activation/{record.tenant}/{record.workflow_id}/{uuid.uuid4()}"
    return key.encode(), _encode(record)


def _encode(record: BaseModel) -> bytes:
    return orjson.dumps(record.model_dump())


def _parse(model: type[_M], raw: bytes) -> _M:
    fields: Any = parse_json(raw, RECORD_BYTES_MAX)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise MessageError("invalid_workflow", f"wrong or missing: {wrong}") from error
