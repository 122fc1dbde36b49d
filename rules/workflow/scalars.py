"""Plain scalars by the YAML 1.2 core schema, and what strict reading refuses in a scalar."""

import math
import re
import unicodedata
from typing import Final

INTEGER_MAX: Final = 2**53
"""Beyond this a double no longer holds every integer, and canonical JSON has doubles only."""
EXPONENT_MIN: Final = 1e21
"""From here canonical JSON writes an exponent; below, it may write digits that were not meant."""

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Source: YAML 1.2.2 section 10.3.2, with ASCII digits only.
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL: Final = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL: Final = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_DIGITS_MAX: Final = 400

Scalar = str | int | float | bool | None


class ScalarError(ValueError):
    """A scalar that strict reading refuses; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def resolve_plain(text: str) -> Scalar:
    """Return what an unquoted scalar means.

    Raises:
        ScalarError: a number that JSON cannot hold, or text that cannot travel.
    """
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    number = _number(text)
    return clean_text(text) if number is None else canonical_number(number)


def canonical_number(number: float) -> int | float:
    """Return the number as canonical JSON has it: 3 for 3.0, so that spelling changes nothing.

    Raises:
        ScalarError: it is not finite, or an integer that a double cannot hold.
    """
    if isinstance(number, int) and -INTEGER_MAX <= number <= INTEGER_MAX:
        return number
    double = _double(number)
    is_exact = double == number and not INTEGER_MAX < abs(double) < EXPONENT_MIN
    if not is_exact or not math.isfinite(double):
        raise ScalarError("a double cannot hold this number", "put it in quotes if it is text")
    return int(double) if double.is_integer() and abs(double) <= INTEGER_MAX else double


def clean_text(text: str) -> str:
    """Return the text in NFC.

    Raises:
        ScalarError: it holds NUL or half a surrogate pair.
    """
    if text.isascii() and "\0" not in text:
        return text
    try:
        # JSON spells letters outside the basic plane as two escapes, which belong together.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise ScalarError("half of a surrogate pair", "write the letter itself") from None
    if "\0" in whole:
        raise ScalarError("a NUL character", "no text may hold one; leave it out")
    return unicodedata.normalize("NFC", whole)


def is_cut(text: str) -> bool:
    """Say whether a bracket or a quote that the text opens is never closed.

    A quote opens only at the start of a word: the tool's end is no open quote.
    """
    depth, quote, before = 0, "", " "
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and not before.isalnum():
            quote = char
        else:
            depth += (char in "([") - (char in ")]")
        before = char
    return bool(quote) or depth > 0


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _number(text: str) -> int | float | None:
    if len(text) > _DIGITS_MAX:
        return None
    if _DECIMAL.match(text):
        return int(text)
    if _OCTAL.match(text) or _HEXADECIMAL.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    return math.inf if _SPECIAL.match(text) else None
