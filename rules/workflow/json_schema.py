"""The JSON Schema of a workflow document, and which keys it knows where."""

from functools import cache
from typing import Any, Final

from rules.workflow.document import Document
from rules.workflow.problems import Loc

_NULLABLE: Final = {("ExpectPart", key) for key in ("verdict", "rule", "confidence")}
"""Where null is a value: a test may want that there is no verdict."""


@cache
def document_schema() -> dict[str, Any]:
    """Return the JSON Schema that editors check a workflow with."""
    schema = Document.model_json_schema(by_alias=True)
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def keys_at(loc: Loc) -> list[str]:
    """Return the keys that a mapping at this place may have; none where any may stand."""
    schema = document_schema()
    node = schema
    for step in loc:
        node = _resolve(_child(node, step), schema)
    return list(node.get("properties", {}))


def _child(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        found = node.get("items", {})
    else:
        found = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
    return found if isinstance(found, dict) else {}


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref", "").removeprefix("#/$defs/")
    return schema["$defs"][reference] if reference else node


def _tidy(schema: dict[str, Any]) -> None:
    """Remove titles that only repeat a name, and null where it means that a key was left out."""
    for name, part in [("", schema), *schema["$defs"].items()]:
        for key, each in part.get("properties", {}).items():
            each.pop("title", None)
            if "default" in each and each["default"] is None:
                del each["default"]
                if (name, key) not in _NULLABLE:
                    _forbid_null(each)


def _forbid_null(node: dict[str, Any]) -> None:
    chosen = [each for each in node.pop("anyOf") if each != {"type": "null"}]
    node.update(chosen[0])
