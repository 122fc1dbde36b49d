"""Whether rows are worth storing as if all were new, learnt from the writes before."""

from dataclasses import dataclass
from typing import Final

CAREFUL_MAX: Final = 64
"""Clean writes in a row, at most, that are asked for before rows are taken for new again."""


@dataclass(slots=True)
class Optimism:
    """How careful a sink is at present.

    A write that was taken for new and met a stored id has cost its COPY, its rows lie dead in the
    table until a vacuum, and PostgreSQL has logged an error. So each such collision doubles the
    careful writes without a repeat that must come before the next attempt; each success halves it.
    """

    _asked: int = 0
    _left: int = 0

    @property
    def holds(self) -> bool:
        """Whether the next rows may be taken for new."""
        return self._left == 0

    def note_success(self) -> None:
        """Rows that were taken for new were new."""
        self._asked //= 2

    def note_collision(self) -> None:
        """Rows that were taken for new were not."""
        self._asked = min(CAREFUL_MAX, max(1, self._asked * 2))
        self._left = self._asked

    def note_careful(self, *, repeats: bool) -> None:
        """Rows were stored carefully, and some of them were, or were not, stored before."""
        self._left = max(1, self._asked) if repeats else max(0, self._left - 1)
