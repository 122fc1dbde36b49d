"""A value that keeps a JSON Schema, drawn by the hash of the question: valid, and worth nothing."""

from collections.abc import Mapping
from typing import Any, Final

from judgify.fake_llm.fate import draw

WORDS: Final = "judgify-fake answered: a stand-in, no model looked at this"
LEVELS_MAX: Final = 16
SURE: Final = (0.75, 0.24)
"""Numbers lie in the upper part of their range: an unsure answer would count as none."""


def sample(schema: Mapping[str, Any], identity: str) -> Any:
    """Return a value that keeps `schema`, as far as a stand-in understands it; by `identity`."""
    return _Sampler(schema, identity).make(schema, "", 0)


class _Sampler:
    def __init__(self, root: Mapping[str, Any], identity: str) -> None:
        self._root = root
        self._identity = identity

    def make(self, schema: Any, path: str, level: int) -> Any:
        """Return a value for the part of the schema at `path`; null below LEVELS_MAX."""
        if not isinstance(schema, dict) or level > LEVELS_MAX:
            return None
        if isinstance(schema.get("$ref"), str):
            return self.make(self._resolve(schema["$ref"]), path, level + 1)
        if "const" in schema:
            return schema["const"]
        for word in ("enum", "anyOf", "oneOf"):
            options = schema.get(word)
            if isinstance(options, list) and options:
                chosen = options[int(self._draw(path) * len(options))]
                return chosen if word == "enum" else self.make(chosen, path, level + 1)
        return self._make_typed(schema, path, level)

    def _make_typed(self, schema: Mapping[str, Any], path: str, level: int) -> Any:
        kind = schema.get("type")
        match kind[0] if isinstance(kind, list) and kind else kind:
            case "object":
                properties = schema.get("properties")
                members = properties.items() if isinstance(properties, dict) else ()
                return {
                    name: self.make(part, f"{path}/{name}", level + 1) for name, part in members
                }
            case "array":
                return [self.make(schema.get("items"), f"{path}/0", level + 1)]
            case "string":
                return WORDS
            case "boolean":
                return self._draw(path) < 0.5
            case "number" | "integer" as number:
                return self._make_number(schema, path, whole=number == "integer")
            case _:
                return None

    def _make_number(self, schema: Mapping[str, Any], path: str, *, whole: bool) -> float:
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        least, spread = SURE
        value = low + (high - low) * (least + spread * self._draw(path))
        return int(value) if whole else round(value, 4)

    def _draw(self, path: str) -> float:
        return draw(self._identity, path)

    def _resolve(self, reference: str) -> Any:
        """Return the part of the root that `#/…` names; null for any other reference."""
        found: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step) if isinstance(found, dict) else None
        return found
