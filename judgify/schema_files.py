"""The published JSON Schemas: one file per message, made from the models and never by hand.

`python -m judgify.schema_files` (or `make schemas`) writes them anew; a test fails on any drift.
They say what readers accept: unknown fields are ignored, so none is forbidden.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import schemas
from schemas.control_record import ControlRecord
from schemas.escalation import Escalation
from schemas.judgment import Judgment
from schemas.model import Message
from schemas.request import Request
from schemas.workflow_record import Activation, WorkflowVersion

MESSAGES: Final[Mapping[str, type[Message]]] = {
    "request": Request,
    "judgment": Judgment,
    "escalation": Escalation,
    "workflow-version": WorkflowVersion,
    "activation": Activation,
    "control-record": ControlRecord,
}
"""Every message that is the value of a record, by the name of its file."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DIRECTORY: Final = Path(schemas.__path__[0], "json")


def render_schema(name: str) -> str:
    """Return the text of `schemas/json/{name}.json`, the same on every machine."""
    schema = MESSAGES[name].model_json_schema()
    head = {"$schema": DIALECT, "$id": f"https://judgify.ai/schemas/{name}.v1.json"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path) -> None:
    """Write every schema to `directory`, and remove those of messages that are gone."""
    directory.mkdir(exist_ok=True)
    for path in directory.glob("*.json"):
        if path.stem not in MESSAGES:
            path.unlink()
    for name in MESSAGES:
        (directory / f"{name}.json").write_text(render_schema(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(DIRECTORY)
