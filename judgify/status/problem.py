"""A problem: what is wrong, what it means, what to do; and the words they all share."""

from dataclasses import dataclass
from typing import Final

from judgify.status.snapshot import Snapshot

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


def advise(dependency: str, snapshot: Snapshot) -> str:
    """Return what to do about a dependency that is waited for.

    To start what runs already is no advice: whether it answers us decides.
    """
    name = called(dependency)
    view = next((it for it in snapshot.dependencies if it.name == dependency), None)
    if view is not None and view.error is None:
        return f"{name} answers us, so mend what it says; `judgify doctor` looks closer"
    if view is not None and view.trouble == "refuses":
        return "mend what it says; `judgify doctor` looks closer"
    if view is not None and view.trouble == "mute":
        return (
            f"find what blocks {name} (a full disk, a stopped process, a session that holds "
            "locks); to restart it loses nothing"
        )
    if snapshot.local and dependency in DEPENDENCY_NAMES:
        return f"wait, `judgify up` starts {name} again; if it stays away, read its log"
    return f"{'start' if dependency in DEPENDENCY_NAMES else 'see to'} {name}"
