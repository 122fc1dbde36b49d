"""What a redrive would do: counted by who buried what and why, the first of it named."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from judgify.redrive.fate import Fate
from sinks.postgres.redrive_queries import Letter, LetterId
from topics.control_records import Place

EXAMPLES_MAX: Final = 5
"""Dead letters that are named; all are counted."""


class Group(NamedTuple):
    """Dead letters of one cause and one fate."""

    agent: str
    kind: str
    code: str
    fate: Fate


@dataclass(slots=True)
class Plan:
    """Holds no bytes: what is sent is fetched again, a little at a time."""

    counts: Counter[Group] = field(default_factory=Counter)
    todo: list[LetterId] = field(default_factory=list)
    """What can be sent again, in the order of the log."""
    refused: list[tuple[LetterId, str]] = field(default_factory=list)
    """The first that cannot, and why."""
    places: set[Place] = field(default_factory=set)
    """Where the records stood that were found."""
    has_more: bool = False
    """Further dead letters match, beyond the limit."""

    @property
    def matched(self) -> int:
        return self.counts.total()

    def add(self, letter: Letter, fate: Fate) -> None:
        """Count `letter` in."""
        self.places.add(letter.id.place)
        self.counts[Group(letter.id.agent, letter.kind, letter.code, fate)] += 1
        if fate.destination is not None:
            self.todo.append(letter.id)
        elif len(self.refused) < EXAMPLES_MAX:
            self.refused.append((letter.id, fate.obstacle))
