"""Python text that loads fields: exact classes, ranges and members, once per field."""

import math
from collections.abc import Mapping
from typing import Any, Final

from rules.language.emit.magnitude import LARGEST
from rules.language.emit.namespace import Namespace
from rules.language.input_value import make_loader
from rules.language.limits import EXACT_INTEGER_MAX, STRING_CHARS_MAX
from rules.language.types import Scalar, normalized
from rules.program import FieldSpec, FieldType

_CLASSES: Final[Mapping[FieldType, str]] = {
    "number": "float",
    "integer": "float",
    "string": "str",
    "boolean": "bool",
}

LEAVE = "return careful(e)"
"""What the plain body does with a field that it cannot use at once."""

INTEGER_MAX: Final = 2**26
"""Up to here the plain body takes integers as they are: a product of two is exact in a double."""


def bound(field: FieldSpec, *, guarded: bool) -> float:
    """Return the largest magnitude that the body lets through.

    Without a range the plain body takes what our decoder lets through, so that most sums and
    products cannot overflow; the guarded one takes every double.
    """
    widest = LARGEST if guarded else float(EXACT_INTEGER_MAX)
    if field.range is None:
        return widest
    return float(min(widest, max(abs(field.range[0]), abs(field.range[1]))))


def integer_bound(field: FieldSpec) -> float:
    """Return the largest magnitude of what the plain body keeps as an integer."""
    return min(float(INTEGER_MAX), bound(field, guarded=False))


def _read_guarded(field: FieldSpec, namespace: Namespace) -> str:
    if len(field.path) == 1:
        return f"get({namespace.member(field.path[0])})"
    return f"dig(e, {namespace.constant(field.path)})"


def _read_plain(field: FieldSpec, namespace: Namespace) -> str:
    """Return text that raises KeyError or TypeError where the path leads nowhere."""
    return "".join(["e", *(f"[{namespace.member(each)}]" for each in field.path)])


def load_guarded(field: FieldSpec, name: str, bit: int, namespace: Namespace) -> list[str]:
    """Return statements that load the field, as UNKNOWN with its bit in `u` when unusable.

    The usual cases are decided in place, the others by the loader, which costs a call.
    """
    is_number = field.type in {"number", "integer"}
    loader = namespace.object(_load_number_as_nan(field) if is_number else make_loader(field))
    is_unknown = f"{name} != {name}" if is_number else f"{name} is None"
    consequence = "return invalid(e)" if field.required else f"u |= {bit}"
    return [
        f"{name} = {_read_guarded(field, namespace)}",
        f"if not ({_usual(field, name, namespace)}):",
        f"    if {name} is None:",
        *([f"        {name} = nan"] if is_number else []),
        f"        {consequence}",
        *(_convert_integer(field, name) if is_number else []),
        "    else:",
        f"        {name} = {loader}({name})",
        f"        if {is_unknown}: {consequence}",
    ]


def _usual(field: FieldSpec, name: str, namespace: Namespace) -> str:
    """Return a test that only usable values pass, which need no conversion."""
    if field.type == "list":
        return "False"
    tests = [f"type({name}) is {_CLASSES[field.type]}"]
    if field.type in {"number", "integer"}:
        tests.append(_within(field, name, LARGEST))
    if field.type == "integer":
        tests.append(f"{name}.is_integer()")
    if field.one_of is not None:
        tests.append(f"{name} in {_members(field.one_of, namespace)}")
    elif field.type == "string":
        tests.append(f"len({name}) <= {STRING_CHARS_MAX} and {name}.isascii()")
    return " and ".join(tests)


def _convert_integer(field: FieldSpec, name: str) -> list[str]:
    if field.one_of is not None:
        return []
    within = _within(field, name, float(EXACT_INTEGER_MAX))
    return [f"    elif type({name}) is int and {within}: {name} = {name} * 1.0"]


def _within(field: FieldSpec, name: str, widest: float) -> str:
    low, high = field.range or (-widest, widest)
    return f"{max(float(low), -widest)!r} <= {name} <= {min(float(high), widest)!r}"


def _members(one_of: tuple[Scalar, ...], namespace: Namespace) -> str:
    return namespace.constant(frozenset(map(normalized, one_of)))


def load_plain(field: FieldSpec, name: str, namespace: Namespace) -> list[str]:
    """Return statements that load the field, and leave the body when it is not usable at once."""
    lines = [f"{name} = {_read_plain(field, namespace)}"]
    members = None if field.one_of is None else _members(field.one_of, namespace)
    match field.type:
        case "number" | "integer":
            lines += _guard_number(field, name)
        case "boolean":
            lines.append(f"if type({name}) is not bool: {LEAVE}")
        case "string":
            lines += [] if members else _guard_string(name, namespace)
        case "list":
            load = namespace.object(make_loader(field))
            lines = [
                f"{name} = {load}({_read_plain(field, namespace)})",
                f"if {name} is None: {LEAVE}",
            ]
    if members is not None:
        # Strings that are equal only after normalization take the guarded body.
        lines.append(f"if {name} not in {members}: {LEAVE}")
    return lines


def _guard_number(field: FieldSpec, name: str) -> list[str]:
    """Return statements that keep a double or a small integer, and convert a larger one.

    Most values pass one cheap test; what does not pass it is looked at closely.
    """
    whole = f" or not {name}.is_integer()" if field.type == "integer" else ""
    closely = [
        f"if type({name}) is not float:",
        f"    if type({name}) is not int: {LEAVE}",
        f"    {name} = {name} * 1.0",
        f"if not {_within(field, name, float(EXACT_INTEGER_MAX))}{whole}: {LEAVE}",
    ]
    quick = _quick_integer(field, name) if whole else _quick_number(field, name)
    if quick is None:
        return closely
    return [f"if not ({quick}):", *(f"    {line}" for line in closely)]


def _quick_number(field: FieldSpec, name: str) -> str | None:
    """Return a test that no boolean passes, although it does not ask for the class.

    To a comparison true and false are 1 and 0. What is no number at all raises TypeError. Two
    comparisons are cheaper than a chain of them, and than a look at the class.
    """
    low, high = field.range or (-math.inf, math.inf)
    high = min(float(high), float(INTEGER_MAX))
    above = f"{name} >= {float(low)!r}" if low > 1 else f"{name} > 1.0"
    return f"{above} and {name} <= {high!r}" if high > max(low, 1.0) else None


def _quick_integer(field: FieldSpec, name: str) -> str | None:
    low, high = field.range or (-math.inf, math.inf)
    least, most = max(low, -INTEGER_MAX), min(high, INTEGER_MAX)
    if least > most:
        return None
    return f"type({name}) is int and {math.ceil(least)!r} <= {name} <= {math.floor(most)!r}"


def _guard_string(name: str, namespace: Namespace) -> list[str]:
    form = namespace.constant("NFC")
    return [
        f"if type({name}) is not str or len({name}) > {STRING_CHARS_MAX}: {LEAVE}",
        f"if not {name}.isascii(): {name} = normalize({form}, {name})",
    ]


def _load_number_as_nan(field: FieldSpec) -> Any:
    load = make_loader(field)

    def load_or_nan(raw: object) -> Any:
        value = load(raw)
        return float("nan") if value is None else value

    return load_or_nan
