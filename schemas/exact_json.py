"""The exact JSON parser: slower, and right about everything that fast ones let through.

It refuses what two readers could understand differently: duplicate keys, NaN and infinities,
integers beyond ±2^53, more than 32 levels, lone surrogates, NUL in any key or string.
"""

import json
import math
import re
from collections import Counter
from typing import Any, Final, NoReturn

from schemas.errors import MessageError

LEVELS_MAX: Final = 32
"""Deepest nesting of arrays and objects."""
INTEGER_MAX: Final = 2**53
"""Beyond it a double cannot tell neighbours apart; the producer sends such numbers as text."""

_DIGITS_MAX: Final = len(str(INTEGER_MAX)) + 1  # and a sign
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]+|\\.)*"?|[\[\]{}]', re.DOTALL)
"""Texts and brackets. The closing quote is optional, so that an unclosed text is one match: with a
pattern that can fail there, 32 KiB of escaped quotes took half a minute, and held the GIL."""


def parse_exact(raw: bytes) -> Any:
    """Return the JSON value of `raw`.

    Raises:
        MessageError: `unreadable`, saying what is wrong.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise unreadable(f"not UTF-8 at byte {error.start}") from None
    _check_levels(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise unreadable(
            f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    _check_values((value,))
    return value


def unreadable(reason: str) -> MessageError:
    """Return the error for bytes that cannot be read."""
    return MessageError("unreadable", reason)


def _check_levels(text: str) -> None:
    level = 0
    for mark in _STRUCTURE.findall(text):
        if mark in "[{":
            level += 1
            if level > LEVELS_MAX:
                raise unreadable(f"nested deeper than {LEVELS_MAX} levels")
        elif mark in "]}":
            level -= 1


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise unreadable("a text holds \\u0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise unreadable("a text holds half of a surrogate pair") from None


def _check_values(values: Any) -> None:
    for value in values:
        if value.__class__ is str:
            _check_text(value)
        elif value.__class__ is list:
            # Objects are checked as they are built; lists have no hook of their own.
            _check_values(value)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise unreadable(f"the key {counts.most_common(1)[0][0][:64]!r} stands twice in one object")
    for key in built:
        _check_text(key)
    _check_values(built.values())
    return built


def _parse_integer(digits: str) -> int:
    if len(digits) <= _DIGITS_MAX:
        number = int(digits)
        if -INTEGER_MAX <= number <= INTEGER_MAX:
            return number
    raise unreadable(f"the integer {digits[:24]} is beyond 2^53: send it as text")


def _parse_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise unreadable(f"the number {digits[:24]} is not finite")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise unreadable(f"{name} is not a JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_make_object,
    parse_int=_parse_integer,
    parse_float=_parse_float,
    parse_constant=_refuse_constant,
)
