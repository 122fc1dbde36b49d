"""Draws random events for a document: complete, or with whatever producers get wrong."""

import math
from random import Random
from typing import Any

_NUMBERS = (
    0, 1, 2, 2.5, -3, 0.1, 3.5, 1.5, 0.30000000000000004, 300, 4.0, -0.5, 1e200, 2**53,
    2**26 - 1, 2**26 + 1,  # Between them ends what generated code keeps as an integer.
)  # fmt: skip
_INTEGERS = (0, 1, 2, 3.0, -3, 5, 300, 1 - 2**26)
_STRINGS = (
    "L",
    "M",
    "H",
    "a",
    "ab",
    "b",
    "",
    "\uac00",
    "\u1100\u1161",
    "\u1100\u1161",
    "cab",
    "it's",
    "k0) or (True",
)
_LISTS: tuple[Any, ...] = (["a", 1], [], ["\u1100\u1161", 2.5], ["L"], [2, 3.5, "", "ab"], [0])
_USABLE: dict[str, tuple[Any, ...]] = {
    "number": _NUMBERS,
    "integer": _INTEGERS,
    "string": _STRINGS,
    "boolean": (True, False),
    "list": _LISTS,
}
_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 3.5, -1, 1e308, -1e308, math.inf, math.nan, 2**70, 10**400,
    2**53, 2**53 + 1, -0.0, 1e-320, "", "L", "1", "\u1100\u1161", "x" * 9_000, "가" * 8_192,
    [], ["a", 1], [1, None], [True], [[1]], ["x" * 9_000], list(range(1_025)), {}, {"y": 1},
    {"x": {"y": 2}},
)  # fmt: skip
"""Values that are wrong for most fields; not a number never comes from our decoder."""


def draw_event(document: dict[str, Any], random: Random) -> dict[str, Any]:
    """Return an event: a third complete, a third with gaps, a third with odd values as well."""
    kind = random.randrange(3)
    event: dict[str, Any] = {}
    for name, part in document["input"].items():
        if kind and random.random() < 0.2:
            if random.random() < 0.5:
                _put(event, name, part, None)
            continue
        odd = kind == 2 and random.random() < 0.25
        _put(event, name, part, random.choice(_ODD) if odd else _usable(part, random))
    if kind == 2 and random.random() < 0.2:
        event[random.choice(("x", "p", "깊이", "k0", "unknown"))] = random.choice(_ODD)
    return event


def _usable(part: dict[str, Any], random: Random) -> Any:
    """Return a value of the field's type; of one with bounds at them, or rarely beyond."""
    pick = random.random()
    if "one_of" in part and pick < 0.9:
        return random.choice(part["one_of"])
    if "range" in part and pick < 0.9:
        low, high = part["range"]
        inside = [each for each in _USABLE[part["type"]] if low <= each <= high]
        return random.choice([low, high, *inside, *inside])
    return random.choice(_USABLE[part["type"]])


def _put(event: dict[str, Any], name: str, part: dict[str, Any], value: Any) -> None:
    *parents, last = part.get("path") or [part.get("from", name)]
    place = event
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            return
    place[last] = value
