"""The messages of the AsyncAPI document: what each topic carries, with key, headers, examples."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from judgify.schema_files import MESSAGES
from schemas.dead_letter import DeadLetter
from schemas.model import Message
from topics import headers
from topics.redrive_headers import REDRIVE_OF
from topics.registry import (
    CONTROL,
    DEAD_LETTERS,
    ESCALATIONS,
    REQUESTS,
    RESULTS,
    TOPICS,
    WORKFLOWS,
    TopicSpec,
)

CARRIED: Final[Mapping[str, tuple[str, ...]]] = {
    REQUESTS.name: ("request",),
    ESCALATIONS.name: ("escalation",),
    RESULTS.name: ("judgment",),
    WORKFLOWS.name: ("workflow-version", "activation"),
    CONTROL.name: ("control-record",),
    DEAD_LETTERS.name: ("dead-letter",),
}
"""Topic → its messages; a topic that is not here carries nothing yet."""

GOLDEN: Final = Path("tests", "contract", "golden")
"""In a checkout: payloads that every release must read, which makes them good examples."""
SCHEMA_REF: Final = "#/components/schemas/{model}"
KAFKA_BINDING: Final = "0.5.0"

_TEXT: Final = {"type": "string"}
_CONTENT_TYPE: Final = headers.CONTENT_TYPE[1].decode()
_TRACE: Final = _TEXT | {"description": "W3C trace context; goes from a request to its outcome."}
_OUTCOME_HEADERS: Final = {
    headers.CONTENT_TYPE[0]: _TEXT | {"const": _CONTENT_TYPE},
    headers.TRACEPARENT: _TRACE,
}
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    REQUESTS.name: {
        headers.TRACEPARENT: _TRACE,
        headers.CORRELATION_ID: _TEXT
        | {"description": "Counts where the value has no `correlation_id`.", "maxLength": 128},
        REDRIVE_OF: _TEXT
        | {"description": "On a request that `judgify dead-letters redrive` sent again: of which."},
    },
    ESCALATIONS.name: _OUTCOME_HEADERS,
    RESULTS.name: _OUTCOME_HEADERS,
}
"""Topic → the headers that mean something; others may be there, and no header is obeyed."""


def describe_messages(checkout: Path) -> dict[str, Any]:
    """Return `components.messages`, with the golden payloads of `checkout` as examples."""
    return {
        name: _describe(name, spec, checkout / GOLDEN)
        for spec in TOPICS
        for name in CARRIED.get(spec.name, ())
    }


def describe_schemas() -> dict[str, Any]:
    """Return `components.schemas`: the models whose JSON travels, and their parts."""
    _, schema = models_json_schema(
        [(model, "validation") for model in MESSAGES.values()], ref_template=SCHEMA_REF
    )
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _describe(name: str, spec: TopicSpec, golden: Path) -> dict[str, Any]:
    if name == "dead-letter":
        return _describe_dead_letter(spec)
    model = MESSAGES[name]
    message = {
        "name": name,
        "title": model.__name__,
        "summary": _summary(model),
        "contentType": _CONTENT_TYPE,
        "payload": {"$ref": SCHEMA_REF.format(model=model.__name__)},
        "bindings": {"kafka": _describe_key(spec)},
        "examples": [
            {"name": path.stem, "payload": json.loads(path.read_text("utf-8"))}
            for path in sorted(golden.glob(f"{name}.*.json"))
        ],
    }
    if spec.name in _HEADERS:
        message["headers"] = {"type": "object", "properties": _HEADERS[spec.name]}
    if "correlation_id" in model.model_fields:
        message["correlationId"] = {"location": "$message.payload#/correlation_id"}
    return message


def _describe_dead_letter(spec: TopicSpec) -> dict[str, Any]:
    """Return the message whose own fields are headers: the value is whatever was buried."""
    fields = DeadLetter.model_json_schema()["properties"]
    ours = {
        f"{headers.DEAD_LETTER_PREFIX}{name}": _as_text(fields[field])
        for name, field in headers.DEAD_LETTER_FIELDS.items()
    }
    ours[f"{headers.DEAD_LETTER_PREFIX}headers"] = _TEXT | {
        "const": headers.UNREADABLE.decode(),
        "description": "There when the failed record's own headers could not be read.",
    }
    needed = [
        f"{headers.DEAD_LETTER_PREFIX}{name}"
        for name, field in headers.DEAD_LETTER_FIELDS.items()
        if DeadLetter.model_fields[field].is_required()
    ]
    return {
        "name": "dead-letter",
        "title": DeadLetter.__name__,
        "summary": _summary(DeadLetter),
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": ours, "required": needed},
        "bindings": {"kafka": _describe_key(spec)},
    }


def _describe_key(spec: TopicSpec) -> dict[str, Any]:
    return {
        "key": {"type": "string", "description": f"{spec.record_key}."},
        "bindingVersion": KAFKA_BINDING,
    }


def _as_text(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a field that travels as a header: UTF-8 text, numbers in decimal."""
    kind = next(kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null")
    bounds = {key: kind[key] for key in ("pattern", "minLength", "maxLength") if key in kind}
    if kind["type"] == "integer":
        bounds = {"pattern": r"^-?[0-9]{1,19}$"}
    return _TEXT | bounds | {"description": field["description"]}


def _summary(model: type[Message]) -> str:
    """Return the first sentence of what the model says of itself, on one line."""
    said = " ".join((model.__doc__ or "").split())
    return said.split(". ")[0].rstrip(".") + "."
