"""The types of the language, and the type of a constant."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from rules.language.limits import LIST_ITEMS_MAX, MAP_ENTRIES_MAX

Scalar = float | str | bool
"""A value of an expression; numbers are doubles once they are inside the language."""

ConstantValue = Scalar | Sequence[Scalar] | Mapping[str, Scalar]

Type = Literal[
    "number",
    "string",
    "boolean",
    "list of numbers",
    "list of strings",
    "list of booleans",
    "list of nothing",
    "list",
    "map of numbers",
    "map of strings",
    "map of booleans",
]
"""`list` is the type of a field: it may hold strings and numbers side by side."""

ScalarType = Literal["number", "string", "boolean"]

_SPELLED: dict[Type, str] = {
    "number": "a number",
    "string": "a string",
    "boolean": "a condition (true or false)",
    "list": "a list",
}

_LISTS: dict[ScalarType, Type] = {
    "number": "list of numbers",
    "string": "list of strings",
    "boolean": "list of booleans",
}
_MAPS: dict[ScalarType, Type] = {
    "number": "map of numbers",
    "string": "map of strings",
    "boolean": "map of booleans",
}
_ELEMENTS: dict[Type, ScalarType] = {
    of: element for element in _LISTS for of in (_LISTS[element], _MAPS[element])
}


def spelled(of: Type) -> str:
    """Return the type as a sentence names it."""
    return _SPELLED.get(of, f"a {of}")


def normalized(value: Scalar) -> Scalar:
    """Return the value as it is inside the language: numbers as doubles, strings in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return value if isinstance(value, bool) else float(value)


def scalar_type(value: object) -> ScalarType | None:
    """Return the type of a plain value; None for everything that is not one."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)) and _is_finite(value):
        return "number"
    return None


def constant_type(value: object) -> Type:
    """Return the type of a constant.

    Raises:
        ValueError: The value cannot be a constant; the message completes "the constant …".
    """
    if isinstance(value, Mapping):
        return _map_type(value)
    if isinstance(value, (list, tuple)):
        if len(value) > LIST_ITEMS_MAX:
            raise ValueError(f"has more than {LIST_ITEMS_MAX} items")
        return _LISTS[_only_type(value)] if value else "list of nothing"
    plain = scalar_type(value)
    if plain is None:
        raise ValueError("must be a number, a string, true, false, or a list or a map of these")
    return plain


def element_type(of: Type) -> ScalarType | None:
    """Return the type of the elements of a list or a map; None when they are not of one type."""
    return _ELEMENTS.get(of)


def list_of(element: ScalarType) -> Type:
    return _LISTS[element]


def _map_type(value: Mapping[object, object]) -> Type:
    if not value:
        raise ValueError("has no entry")
    if len(value) > MAP_ENTRIES_MAX:
        raise ValueError(f"has more than {MAP_ENTRIES_MAX} entries")
    if not all(isinstance(key, str) for key in value):
        raise ValueError("must be keyed by strings; put quotes around its keys")
    return _MAPS[_only_type(list(value.values()))]


def _only_type(values: Sequence[object]) -> ScalarType:
    found = {scalar_type(value) for value in values}
    if len(found) > 1 and None not in found:
        raise ValueError(f"mixes {' and '.join(sorted(f'{each}s' for each in found))}")
    only = found.pop()
    if only is None or found:
        raise ValueError("may hold numbers, strings, true and false only")
    return only


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
