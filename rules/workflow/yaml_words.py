"""What YAML's own errors mean for somebody who writes a workflow."""

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError

_QUOTE: Final = "put the whole value in quotes"

_WORDS: Final = (
    (
        r"mapping values are not allowed",
        "`: ` inside an unquoted value, or wrong indentation",
        f"{_QUOTE}, or align the line with its neighbours",
    ),
    (r"character '\\t'", "a tab", "indent with spaces"),
    (r"cannot start any token", "an unquoted value cannot begin with this character", _QUOTE),
    (
        r"unexpected end of stream|expected the document end|found unexpected document separator",
        "the text ends inside a value",
        "close the quote or the bracket",
    ),
    (
        r"expected <block end>, but found '<scalar>'",
        "text goes on behind a value that ended with its closing quote",
        "put the whole value in the other kind of quotes: \"x == 'a'\"",
    ),
    (
        r"expected <block end>",
        "this line is not indented like its neighbours",
        "align it with the line it belongs to",
    ),
    (
        r"expected ',' or|expected the node content",
        "inside { } and [ ] YAML ends a value at , [ ] { }",
        f"{_QUOTE}, or write one key per line without braces",
    ),
    (
        r"could not find expected ':'|expected ':'",
        "a key without a colon",
        "write `key: value`; put a space behind the colon",
    ),
    (r"while scanning an (alias|anchor)", "`*` and `&` begin an alias or an anchor", _QUOTE),
    (r"escape", "this backslash begins no known escape", r"write \\ for a backslash"),
)


def explain_syntax_error(error: MarkedYAMLError, text: str) -> tuple[int, str, str | None]:
    """Return where the error stands, what is wrong and what to do."""
    if "while scanning a quoted scalar" in f"{error.context}" and error.context_mark:
        return error.context_mark.index, "this quote is never closed", "close it"
    mark = error.problem_mark or error.context_mark
    start = min(mark.index, len(text)) if mark else 0
    said = f"{error.context or ''} {error.problem or ''}"
    for pattern, message, hint in _WORDS:
        if re.search(pattern, said):
            return start, message, hint
    return start, error.problem or error.context or "this is no YAML", None
