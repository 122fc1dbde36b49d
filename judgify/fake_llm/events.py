"""The events in a prompt: every JSON object in what users said, whoever put it there."""

import json
from collections.abc import Iterator
from typing import Any, Final

EVENTS_MAX: Final = 64
"""Looked for in one prompt; text with more braces is no event."""
_DECODER: Final = json.JSONDecoder()


def find_events(text: str) -> list[dict[str, Any]]:
    """Return the outermost JSON objects in `text`, in order, among its first EVENTS_MAX braces."""
    found: list[dict[str, Any]] = []
    position = 0
    for _ in range(EVENTS_MAX):
        position = text.find("{", position)
        if position < 0:
            break
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            found.append(value)
    return found


def walk(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield every scalar in `value` with its key, and every key by itself."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield None, key
            if isinstance(item, dict | list):
                yield from walk(item)
            else:
                yield key, item
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
    else:
        yield None, value
