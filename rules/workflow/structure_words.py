"""Says in an author's words what pydantic found wrong with the shape of a document."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

from rules.language.resolve import did_you_mean
from rules.workflow.json_schema import keys_at
from rules.workflow.problems import Fault, Loc

_KINDS: Final = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
}
_NAME_HINT: Final = "use 1 to 64 characters without spaces or /"
_SLUG_HINT: Final = "use a to z, 0 to 9, _ . and -; begin with a letter or digit; at most 64"
_SHOWN_MAX: Final = 40


def explain_shape_error(error: ErrorDetails, data: Mapping[str, Any]) -> Fault:
    """Return the fault with its place in the document."""
    loc = _document_loc(error["loc"], data)
    kind = error["type"]
    name = f"`{loc[-1]}`" if loc and isinstance(loc[-1], str) else "this item"
    if kind == "extra_forbidden":
        return _unknown_key(loc)
    if kind == "missing":
        return Fault(loc, f"{name} is missing", "add it", at_key=True)
    if kind in _KINDS:
        shown = f"{name} must be {_KINDS[kind]}, not {_spelled(error['input'])}"
        return Fault(loc, shown, _quote_hint(kind, error["input"]))
    if kind == "literal_error":
        return _not_one_of(loc, name, error)
    if kind == "string_pattern_mismatch":
        return _bad_name(loc, error)
    message = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return Fault(loc, f"{name} {message[0].lower()}{message[1:]}")


def _document_loc(loc: tuple[str | int, ...], data: Mapping[str, Any]) -> Loc:
    """Return the part of pydantic's location that exists in the document, and one key more.

    pydantic adds steps of its own, like `[key]`.
    """
    known: list[str | int] = []
    value: Any = data
    for step in loc:
        known.append(step)
        if not _holds(value, step):
            break
        value = value[step]
    if known and known[-1] == "[key]":
        known.pop()
    return tuple(known)


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, Mapping) and step in value


def _unknown_key(loc: Loc) -> Fault:
    known = keys_at(loc[:-1])
    close = did_you_mean(str(loc[-1]), known)
    hint = close.replace("'", "`") if close else f"known here: {', '.join(known)}"
    return Fault(loc, f"unknown key `{loc[-1]}`", hint, at_key=True)


def _not_one_of(loc: Loc, name: str, error: ErrorDetails) -> Fault:
    value, expected = error["input"], error.get("ctx", {}).get("expected", "")
    if loc == ("judgify",):
        return Fault(loc, "this format is not known", "write `judgify: 1`")
    close = did_you_mean(str(value), expected.replace(" or ", ", ").replace("'", "").split(", "))
    return Fault(loc, f"{name} must be {expected}, not {_spelled(value)}", close)


def _bad_name(loc: Loc, error: ErrorDetails) -> Fault:
    is_key = error["loc"][-1:] == ("[key]",)
    hint = _SLUG_HINT if loc == ("id",) else _NAME_HINT
    return Fault(loc, f"{_spelled(error['input'])} cannot be a name", hint, at_key=is_key)


def _quote_hint(kind: str, value: object) -> str | None:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    return None


def _spelled(value: object) -> str:
    """Return a short name for a value of the document."""
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN_MAX else f"{value[:_SHOWN_MAX]}…"
        return f"'{cut}'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else "nothing"
