"""Field values of an input: which can be used, and why the others cannot."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from rules.language.limits import FIELD_ITEMS_MAX, STRING_CHARS_MAX
from rules.language.types import normalized
from rules.program import FieldSpec, FieldType
from schemas.normal_form import normalize

InputValue = float | str | bool | tuple[float | str, ...]
"""A usable value: numbers are doubles, strings in NFC, lists are tuples of both."""

_SHOWN_MAX = 10
_KINDS: Final[dict[FieldType, str]] = {
    "number": "is not a number",
    "integer": "is not an integer",
    "string": "is not a string",
    "boolean": "is not true or false",
    "list": "is not a list of strings and numbers",
}


def load_number(value: object) -> float | None:
    """Return a finite double; None for everything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def load_integer(value: object) -> float | None:
    """Return a number without a fraction: 3 and 3.0 are the same number to JSON."""
    number = load_number(value)
    return number if number is not None and number.is_integer() else None


def load_string(value: object) -> str | None:
    """Return the string in NFC; None when it is longer than `STRING_CHARS_MAX`."""
    if not isinstance(value, str) or len(value) > STRING_CHARS_MAX:
        return None
    return value if value.isascii() else normalize("NFC", value)


def load_boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def load_list(value: object) -> tuple[float | str, ...] | None:
    """Return the items; None when there are too many, or one of them cannot be used."""
    if not isinstance(value, list) or len(value) > FIELD_ITEMS_MAX:
        return None
    items: list[float | str] = []
    for item in value:
        usable = load_string(item) if isinstance(item, str) else load_number(item)
        if usable is None:
            return None
        items.append(usable)
    return tuple(items)


_LOADERS: Final[dict[FieldType, Callable[[object], InputValue | None]]] = {
    "number": load_number,
    "integer": load_integer,
    "string": load_string,
    "boolean": load_boolean,
    "list": load_list,
}


def make_loader(field: FieldSpec) -> Callable[[object], InputValue | None]:
    """Return the function from what stands at the field's path to its usable value, else None."""
    load = _LOADERS[field.type]
    if field.range is None and field.one_of is None:
        return load
    low, high = field.range or (-math.inf, math.inf)
    members = None if field.one_of is None else frozenset(map(normalized, field.one_of))

    def load_within(raw: object) -> InputValue | None:
        value = load(raw)
        if isinstance(value, float) and not low <= value <= high:
            return None
        return value if members is None or value in members else None

    return load_within


def dig(input_data: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at the path; None when it leads nowhere."""
    found = input_data
    for member in path:
        if not isinstance(found, dict):
            return None
        found = found.get(member)
    return found


def why_unusable(field: FieldSpec, input_data: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the field, as a verb phrase without the value; None for nothing."""
    raw = dig(input_data, field.path)
    if make_loader(field)(raw) is not None:
        return None
    if raw is None:
        return "is missing or null"
    if isinstance(raw, str) and len(raw) > STRING_CHARS_MAX:
        return f"is longer than {STRING_CHARS_MAX:,} characters"
    if _LOADERS[field.type](raw) is None:
        return _KINDS[field.type]
    if field.one_of is not None:
        shown = [f"{member}" for member in field.one_of[:_SHOWN_MAX]]
        more = ["…"] if len(field.one_of) > _SHOWN_MAX else []
        return f"is not one of {', '.join(shown + more)}"
    low, high = field.range or (-math.inf, math.inf)
    return f"is outside {low:g} to {high:g}"


def why_invalid(fields: tuple[FieldSpec, ...], input_data: Mapping[str, Any]) -> str | None:
    """Say what is wrong with all `required` fields; None for nothing."""
    problems = []
    for field in fields:
        problem = why_unusable(field, input_data) if field.required else None
        if problem:
            origin = "" if field.path == (field.name,) else f" ({' / '.join(field.path)})"
            problems.append(f"required field {field.name}{origin} {problem}")
    return "; ".join(problems) or None
