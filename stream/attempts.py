"""Attempts: how often the owners of a partition died at one offset, told from owner to owner.

The count travels as metadata of the committed offset, written before the work begins. Who leaves
in good order says so; who finds that the last owner did not counts a death. After
`DEATHS_MAX` at one offset its records are handed out one at a time, each marked first; one that
was marked at `DEATHS_MARKED_MAX` deaths is the culprit. Pure.

One marked death is not enough: whoever ends such a process by force, for whatever reason, would
nearly always hit some innocent record while it is marked.
"""

from dataclasses import dataclass, replace
from typing import Final

DEATHS_MAX: Final = 3
DEATHS_MARKED_MAX: Final = 2
_NAME: Final = "judgify"
_WORKING: Final = "working"
_DIGITS_MAX: Final = 19


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is known of a partition from its committed offset on."""

    at: int = 0
    """The offset that the count is about: the first unfinished one."""
    working: bool = False
    """Somebody owns the partition, and has not left it in good order."""
    deaths: int | None = None
    careful_until: int | None = None
    """Records before this offset are handed out one at a time."""
    marked: int | None = None
    """The record that was handed out last, alone."""
    deaths_marked: int | None = None
    topic_id: str | None = None
    """Of which topic the offset is: one that is created again under its name is another one."""

    @property
    def culprit(self) -> int | None:
        """The offset of the record that ends the process, once that is proven."""
        return self.marked if (self.deaths_marked or 0) >= DEATHS_MARKED_MAX else None

    @property
    def careful(self) -> bool:
        return self.careful_until is not None

    def taken(self, log_end: int, in_flight_max: int) -> "Attempts":
        """Return what a new owner writes before it begins.

        At most `in_flight_max` offsets can have been handed out when the last owner died.
        """
        if not self.working or self.at >= log_end:
            return replace(self, working=True)
        if self.marked is not None:
            return replace(self, deaths_marked=(self.deaths_marked or 0) + 1)
        deaths, until = (self.deaths or 0) + 1, self.careful_until
        if deaths >= DEATHS_MAX and until is None:
            until = min(self.at + in_flight_max, log_end)
        return replace(self, deaths=deaths, careful_until=until)

    def marking(self, offset: int) -> "Attempts":
        """Return what is written before the record at `offset` is handed out alone."""
        if offset == self.marked or (self.culprit is not None and offset < self.culprit):
            return self
        return replace(self, marked=offset, deaths_marked=None)

    def reached(self, first_unfinished: int) -> "Attempts":
        """Return what is known when everything before `first_unfinished` is done."""
        if first_unfinished <= self.at:
            return self
        until, marked = self.careful_until, self.marked
        if until is not None and first_unfinished >= until:
            until = None
        moved = replace(self, at=first_unfinished, deaths=None, careful_until=until)
        if marked is not None and first_unfinished > marked:
            return replace(moved, marked=None, deaths_marked=None)
        return moved

    def survived(self) -> "Attempts":
        """Return what is known when a dependency stopped the work: it ended no process."""
        if self.culprit is not None:
            return self
        return replace(self, deaths=None, marked=None, deaths_marked=None)

    def left(self) -> "Attempts":
        """Return what an owner writes that leaves in good order."""
        return replace(self, working=False, marked=self.marked if self.deaths_marked else None)

    def encode(self) -> str:
        """Return the metadata of the commit; empty where there is nothing to tell."""
        words = [_WORKING] if self.working else []
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        words += [f"{name}={number}" for name, number in numbers.items() if number is not None]
        if self.topic_id:
            words.append(f"topic={self.topic_id}")
        return " ".join([_NAME, *words]) if words else ""


_NUMBERS: Final = ("deaths", "careful_until", "marked", "deaths_marked")


def parse_attempts(at: int, metadata: str) -> Attempts:
    """Return what the metadata of the committed offset `at` tells.

    Metadata of somebody else, or of a version that we do not know, tell nothing.
    """
    name, *words = metadata.split(" ")
    if name != _NAME:
        return Attempts(at)
    told = dict(word.partition("=")[::2] for word in words)
    numbers = {
        name: int(told[name])
        for name in _NUMBERS
        if told.get(name, "").isdecimal() and len(told[name]) <= _DIGITS_MAX
    }
    return Attempts(at, working=_WORKING in told, topic_id=told.get("topic") or None, **numbers)
