"""The lexer: from text to tokens with positions. It never looks at what the words mean."""

import math
import unicodedata
from dataclasses import dataclass
from typing import Literal

from rules.language.limits import EXACT_INTEGER_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX
from rules.language.names import KEYWORDS
from rules.language.problems import ExpressionError, Problem

Kind = Literal["number", "string", "name", "keyword", "operator", "end"]

_OPERATORS = ("<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",")

_HINTS = {
    "=": "use == to compare",
    "=>": "write >= for greater or equal",
    "=<": "write <= for less or equal",
    "<>": "write != for not equal",
    "!": "use not",
    "&": "use and",
    "&&": "use and",
    "|": "use or",
    "||": "use or",
    "^": "there is no power operator; multiply instead",
    "**": "there is no power operator; multiply instead",
    "//": "divide with / and round with floor()",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "\N{MULTIPLICATION SIGN}": "write *",
    "÷": "write /",
    "\N{MINUS SIGN}": "write an ASCII minus, -",
    "\N{EN DASH}": "write an ASCII minus, -",
    "\N{LEFT DOUBLE QUOTATION MARK}": 'write straight quotes, "…"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": 'write straight quotes, "…"',
    "\N{LEFT SINGLE QUOTATION MARK}": "write straight quotes, '…'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "write straight quotes, '…'",
    ".": "names have no dots and numbers begin with a digit; declare a nested value with path",
    ";": "an expression is one line of thought; use and / or",
    "{": "a list is written [1, 2, 3]",
    "#": "a comment belongs outside the expression",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text.

    `value` is the number, the unescaped string in NFC, the name in NFC, or the operator or keyword
    in lower case; empty at the end.
    """

    kind: Kind
    value: float | str
    start: int
    end: int

    def means(self, *words: str) -> bool:
        """Whether this is one of these operators or keywords."""
        return self.kind in {"operator", "keyword"} and self.value in words


def split_tokens(text: str) -> list[Token]:
    """Return the tokens of the text; the last one is of kind `end`.

    Raises:
        ExpressionError: The text is too long or holds something that is no token.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise _error(
            f"the expression is longer than {TEXT_CHARS_MAX:,} characters",
            TEXT_CHARS_MAX,
            len(text),
            "name parts of it in derive",
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        tokens.append(_read_token(text, at))
        at = tokens[-1].end
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _read_token(text: str, start: int) -> Token:
    first = text[start]
    if _is_digit(first):
        return _read_number(text, start)
    if first in "'\"":
        return _read_string(text, start)
    if first.isidentifier():
        return _read_name(text, start)
    pair = text[start : start + 2]
    if pair not in _HINTS:
        for operator in _OPERATORS:
            if text.startswith(operator, start):
                return Token("operator", operator, start, start + len(operator))
    found = pair if pair in _HINTS else first
    raise _error(f"unexpected {found!r}", start, start + len(found), _HINTS.get(found))


def _read_number(text: str, start: int) -> Token:
    end = _skip_digits(text, start)
    whole = True
    if text[end : end + 1] == "." and _is_digit(text[end + 1 : end + 2]):
        end, whole = _skip_digits(text, end + 1), False
    if text[end : end + 1] in {"e", "E"}:
        sign = 1 if text[end + 1 : end + 2] in {"+", "-"} else 0
        if _is_digit(text[end + 1 + sign : end + 2 + sign]):
            end, whole = _skip_digits(text, end + 1 + sign), False
    if text[end : end + 1] and _continues_name(text[end]):
        raise _error("a number ends in letters", start, end + 1, "put an operator between the two")
    value = float(text[start:end])
    # 2^53 + 1 is 2^53 as a double, so that an integer is looked at before it becomes one.
    if not math.isfinite(value) or (whole and int(text[start:end]) > EXACT_INTEGER_MAX):
        raise _error(
            "the number is out of range",
            start,
            end,
            "integers are exact up to 2^53; write a larger number as a decimal, like 1e20",
        )
    return Token("number", value, start, end)


def _read_string(text: str, start: int) -> Token:
    quote = text[start]
    content: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\":
            at += 1
        content.append(text[at : at + 1])
        at += 1
    if at >= len(text):
        raise _error("the string is not closed", start, len(text), f"add {quote}")
    value = unicodedata.normalize("NFC", "".join(content))
    return Token("string", value, start, at + 1)


def _read_name(text: str, start: int) -> Token:
    end = start
    while end < len(text) and _continues_name(text[end]):
        end += 1
    if end - start > NAME_CHARS_MAX:
        raise _error(f"the name is longer than {NAME_CHARS_MAX} characters", start, end)
    name = unicodedata.normalize("NFC", text[start:end])
    if name.lower() in KEYWORDS:
        return Token("keyword", name.lower(), start, end)
    return Token("name", name, start, end)


def _continues_name(character: str) -> bool:
    return ("_" + character).isidentifier()


def _is_digit(character: str) -> bool:
    # Other digits, such as Arabic ones, look like numbers to str.isdigit and to float().
    return character.isascii() and character.isdigit()


def _skip_digits(text: str, start: int) -> int:
    end = start
    while end < len(text) and _is_digit(text[end]):
        end += 1
    return end


def _error(message: str, start: int, end: int, hint: str | None = None) -> ExpressionError:
    return ExpressionError([Problem(message, start, end, hint)])
