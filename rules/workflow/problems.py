"""What is wrong with a workflow: told like a good compiler does, with file, line, column, caret."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import MessageError

Loc = tuple[str | int, ...]
"""Where a value stands in the document: the keys and list indices that lead to it."""

PROBLEMS_MAX: Final = 50
"""Problems told about one document; more of them help nobody."""

_CONTEXT_CHARS_MAX: Final = 160
_MARGIN = "    "


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before it has a position: `span` counts characters of the text value at `loc`."""

    loc: Loc
    message: str
    hint: str | None = None
    span: tuple[int, int] | None = None
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning.

    Attributes:
        file: As it was given; `<document>` when the workflow came without a text.
        path: `rules[2].when`; empty for the document as a whole.
        message: What is wrong.
        hint: What to do; None when nothing better is known than the message.
        line: 1-based; 0 when there is no text.
        column: 1-based, counts characters; 0 when there is no text.
        source_line: The line in question, as written.
        width: Characters under which carets belong.
    """

    file: str
    path: str
    message: str
    hint: str | None = None
    line: int = 0
    column: int = 0
    source_line: str = ""
    width: int = 1

    @property
    def place(self) -> str:
        where = [self.file, *([str(self.line), str(self.column)] if self.line else [])]
        path = f" {self.path}:" if self.path and not self.line else ""
        return f"{':'.join(where)}:{path}"

    @property
    def sentence(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place} {self.message}{hint}"

    @property
    def caret(self) -> str:
        """The source line with carets below; empty without a text."""
        if not self.line:
            return ""
        first = max(0, self.column - 1 - _CONTEXT_CHARS_MAX // 2)
        shown = self.source_line[first : first + _CONTEXT_CHARS_MAX].replace("\t", " ")
        before = _columns(shown[: self.column - 1 - first])
        under = shown[self.column - 1 - first :][: self.width]
        return f"{_MARGIN}{shown}\n{_MARGIN}{' ' * before}{'^' * max(1, _columns(under))}"

    def render(self, severity: str = "error") -> str:
        """Return `file:line:column: error: …`, the line, the carets and the fix."""
        lines = [f"{self.place} {severity}: {self.message}"]
        if self.caret:
            lines.append(self.caret)
        if self.hint:
            lines.append(f"{_MARGIN}fix: {self.hint}")
        return "\n".join(lines)


class WorkflowErrors(MessageError):  # noqa: N818 -- it holds several
    """The workflow cannot be used; `problems` holds at least one, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
        self.problems: Sequence[Problem] = tuple(ordered[:PROBLEMS_MAX])
        more = len(ordered) - 1
        tail = f"; and {more} more" if more else ""
        super().__init__("invalid_workflow", f"{self.problems[0].sentence}{tail}")


def spell_loc(loc: Loc) -> str:
    """Return `rules[2].when` for `("rules", 2, "when")`."""
    words = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc]
    return "".join(words).removeprefix(".")


def _columns(text: str) -> int:
    """Return how wide a terminal shows the text: Korean letters take two columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
