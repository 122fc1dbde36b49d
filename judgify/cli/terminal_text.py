"""Text of outsiders made safe to show: nothing in it drives the terminal, or looks like our own."""

import json
import re
from typing import Final

_INVISIBLE: Final = (
    *range(0x200B, 0x2010),  # zero width, marks of direction
    *range(0x2028, 0x202F),  # line and paragraph separators, bidirectional overrides
    *range(0x2060, 0x2070),  # word joiner, isolates
    *range(0xE0000, 0xE0080),  # tags: whole texts that nobody sees
    0xAD, 0x61C, 0x180E, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB,
)  # fmt: skip
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0))
_SPELLED: Final = {code: f"\\x{code:02x}" for code in _CONTROLS if chr(code) not in "\n\t"} | {
    code: f"\\u{code:04x}" for code in _INVISIBLE
}
_IN_JSON: Final = re.compile("[" + "".join(map(chr, (*_CONTROLS[0x20:], *_INVISIBLE))) + "]")


def printable(text: object) -> str:
    """Return `text` with what drives or deceives a terminal spelled out; lines stay lines."""
    return str(text).translate(_SPELLED)


def printable_line(text: object) -> str:
    """Return `text` as one line: an outsider's line break must not begin a line of ours."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def printable_block(text: object, indent: str = "  ") -> str:
    """Return `text` with its further lines indented, so that none of them looks like ours."""
    return printable(text).replace("\n", f"\n{indent}")


def printable_json(document: str) -> str:
    """Return the same JSON document with such characters escaped; it must be JSON already."""
    return _IN_JSON.sub(_escape, document)


def printable_yaml(text: str) -> str:
    """Return the text as a string of YAML in double quotes that shows all of its characters."""
    return _IN_JSON.sub(_escape_in_yaml, json.dumps(text, ensure_ascii=False))


def _escape_in_yaml(match: re.Match[str]) -> str:
    # YAML knows no halves; what JSON escapes, both escape alike.
    return f"\\U{ord(match.group()):08x}"


def _escape(match: re.Match[str]) -> str:
    # JSON knows UTF-16: beyond it, two halves.
    raw = match.group().encode("utf-16-be")
    halves = (raw[first : first + 2].hex() for first in range(0, len(raw), 2))
    return "".join(f"\\u{half}" for half in halves)
