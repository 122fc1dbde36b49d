"""What is wrong with an expression, where, and what to write instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Placed(Protocol):
    """Anything that knows where its text stands."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem or warning; `start` and `end` are 0-based character positions in the text.

    `hint` says what to do; None when nothing better is known than the message.
    """

    message: str
    start: int
    end: int
    hint: str | None = None

    @property
    def sentence(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.message}{hint} (column {self.start + 1})"


class ExpressionError(ValueError):
    """The expression cannot be used: at least one problem, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))
        super().__init__("; ".join(problem.sentence for problem in self.problems))


def refusal(place: Placed, message: str, hint: str | None = None) -> ExpressionError:
    """Return the error that refuses the expression because of this place in its text."""
    return ExpressionError([Problem(message, place.start, max(place.end, place.start + 1), hint)])
