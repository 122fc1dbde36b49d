"""A problem: what is wrong, what it means, what to do; and the words they all share."""

from dataclasses import dataclass
from typing import Final

DEPENDENCY_NAMES: Final = {"kafka": "Kafka", "postgres": "PostgreSQL", "redis": "Redis"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    what: str
    """What, where, since when, and why."""
    consequence: str
    do: str

    @property
    def text(self) -> str:
        return f"{self.what}. {self.consequence} Do: {self.do}."


def called(dependency: str) -> str:
    """Return the name of a dependency as people write it."""
    return DEPENDENCY_NAMES.get(dependency, dependency)


def start(dependency: str) -> str:
    """Return what to do about a dependency that is away."""
    return f"{'start' if dependency in DEPENDENCY_NAMES else 'see to'} {called(dependency)}"
