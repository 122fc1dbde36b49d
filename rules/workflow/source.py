"""The text of a workflow, and where each value of the document stands in it."""

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rules.workflow.problems import Fault, Loc, Problem, spell_loc

Style = Literal["plain", "single", "double", "block", "collection"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_ESCAPE_CHARS = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands: character offsets in the text; `key` is None for items of a list."""

    key: tuple[int, int] | None
    value: tuple[int, int]
    style: Style


@dataclass(frozen=True, slots=True)
class Source:
    """The text, its name, and the marks of what it says."""

    file: str
    text: str
    marks: Mapping[Loc, Mark] = field(default_factory=dict)

    def place(self, fault: Fault, value: object = None) -> Problem:
        """Return the fault with its position; `value` is the text that its span counts in."""
        start, end = self._offsets(fault, value)
        return self.problem_at(start, end, fault)

    def problem_at(self, start: int, end: int, fault: Fault) -> Problem:
        starts = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        number = bisect.bisect_right(starts, start)
        first = starts[number - 1]
        line = _LINE_END.split(self.text[first:], maxsplit=1)[0]
        return Problem(
            file=self.file,
            path=spell_loc(fault.loc),
            message=fault.message,
            hint=fault.hint,
            line=number,
            column=start - first + 1,
            source_line=line,
            width=max(1, min(end, first + len(line)) - start),
        )

    def is_commented(self, loc: Loc) -> bool:
        """Say whether an unquoted value ends where YAML saw a comment begin."""
        mark = self.marks.get(loc)
        return (
            mark is not None and mark.style == "plain" and comment_after(self.text, mark.value[1])
        )

    def _offsets(self, fault: Fault, value: object) -> tuple[int, int]:
        loc = fault.loc
        while loc and loc not in self.marks:
            loc = loc[:-1]
        mark = self.marks.get(loc)
        if mark is None:
            return (0, 1)
        if loc != fault.loc:
            # The key is missing: point at the part that should have it.
            return mark.key or (mark.value[0], mark.value[0] + 1)
        if fault.span is not None and isinstance(value, str):
            offsets = value_offsets(self.text, mark, value)
            first, last = fault.span
            start = offsets[min(first, len(offsets) - 1)]
            return start, max(start + 1, offsets[min(last, len(offsets) - 1)])
        return mark.key if fault.at_key and mark.key else mark.value


def comment_after(text: str, offset: int) -> bool:
    return re.match(r"[ \t]+#", text[offset : offset + 1_024]) is not None


def value_offsets(text: str, mark: Mark, value: str) -> list[int]:
    """Return for each character of the value where it stands in the text, and for its end.

    Folding, indentation, doubled quotes and escapes make a value differ from its text; white space
    and escapes are stepped over until the characters agree again.
    """
    walk = _Walk(text, mark)
    return [*(walk.find(char) for char in value), walk.at]


class _Walk:
    """Steps through the text of one scalar, character by character of its value."""

    def __init__(self, text: str, mark: Mark) -> None:
        start, self.end = mark.value
        self.text, self.style = text, mark.style
        self.at = start + (mark.style in ("single", "double"))
        if mark.style == "block":
            header = text.find("\n", start, self.end)
            self.at = self.end if header < 0 else header + 1

    def find(self, char: str) -> int:
        """Return where the character stands, and step behind it."""
        if char.isspace():
            found = self.at
            self.at += self._here().isspace()
            return found
        while self._here().isspace() or self.text.startswith("\\\n", self.at):
            self.at += 1
        found = min(self.at, self.end)
        self.at = min(self.end, self.at + self._length())
        return found

    def _here(self) -> str:
        return self.text[self.at : self.at + 1] if self.at < self.end else ""

    def _length(self) -> int:
        if self.style == "single" and self.text.startswith("''", self.at):
            return 2
        if self.style == "double" and self._here() == "\\":
            return _ESCAPE_CHARS.get(self.text[self.at + 1 : self.at + 2], 2)
        return 1


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text says, before anyone asked whether that is a workflow.

    `problems` were found while reading; what stands at or below `refused` means nothing.
    """

    data: dict[str, Any]
    source: Source
    problems: tuple[Problem, ...] = ()
    refused: frozenset[Loc] = frozenset()
