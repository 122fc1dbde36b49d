"""Attempts: how often the owners of a partition died at one offset, told from owner to owner.

The count travels as metadata of the committed offset, written before the work begins. Who leaves
in good order says so; who finds that the last owner did not counts a death. After `DEATHS_MAX` at
one offset what can have been in flight is handed out in chunks, each marked first. Who finds that
the last owner died of a chunk goes on with its records, one at a time, each marked first; one that
was marked at `DEATHS_MARKED_MAX` deaths is the culprit. Pure.

One marked death is not enough: whoever ends such a process by force, for whatever reason, would
nearly always hit some innocent record while it is marked.
"""

from dataclasses import dataclass, replace
from typing import Final

DEATHS_MAX: Final = 3
DEATHS_MARKED_MAX: Final = 2
CHUNK_RECORDS: Final = 100
"""Costs of 10,000 innocents 100 commits, and of one death at most 100 more."""
_NAME: Final = "judgify"
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
    """Records before this offset are marked before they are handed out."""
    fine: bool = False
    """They are handed out one at a time, no longer in chunks."""
    marked: int | None = None
    """The first record of what was handed out last."""
    marked_until: int | None = None
    """The end of the chunk that begins with `marked`; None: that record was alone."""
    died_of: int | None = None
    """The record that was marked, alone, when an owner died last."""
    deaths_marked: int | None = None
    """How often it was."""
    topic_id: str | None = None
    """Of which topic the offset is: one that is created again under its name is another one."""

    @property
    def culprit(self) -> int | None:
        """The offset of the record that ends the process, once that is proven."""
        return self.died_of if (self.deaths_marked or 0) >= DEATHS_MARKED_MAX else None

    @property
    def careful(self) -> bool:
        return self.careful_until is not None

    def suspects(self, offset: int) -> bool:
        """Return whether the record at `offset` must be marked before it is handed out."""
        return self.careful_until is not None and offset < self.careful_until

    def taken(self, log_end: int, in_flight_max: int) -> "Attempts":
        """Return what a new owner writes before it begins: nothing is marked yet.

        At most `in_flight_max` offsets can have been handed out when the last owner died.
        """
        taken = replace(self, working=True, marked=None, marked_until=None)
        if not self.working or self.at >= log_end:
            return taken
        if self.marked_until is not None:
            return replace(taken, careful_until=self.marked_until, fine=True)
        if self.marked is not None:
            before = (self.deaths_marked or 0) if self.died_of == self.marked else 0
            return replace(taken, died_of=self.marked, deaths_marked=before + 1)
        deaths = (self.deaths or 0) + 1
        if deaths < DEATHS_MAX or self.careful:
            return replace(taken, deaths=deaths)
        until = min(self.at + in_flight_max, log_end)
        fine = until - self.at <= CHUNK_RECORDS
        return replace(taken, deaths=deaths, careful_until=until, fine=fine)

    def marking(self, first: int, end: int) -> "Attempts":
        """Return what is written before the records from `first` to before `end` are handed out."""
        if not self.suspects(first):
            return self
        return replace(self, marked=first, marked_until=None if self.fine else end)

    def reached(self, first_unfinished: int) -> "Attempts":
        """Return what is known when everything before `first_unfinished` is done."""
        if first_unfinished <= self.at:
            return self
        moved = replace(self, at=first_unfinished, deaths=None)
        if not self.suspects(first_unfinished):
            moved = replace(moved, careful_until=None, fine=False)
        if self.marked is not None and first_unfinished >= (self.marked_until or self.marked + 1):
            moved = replace(moved, marked=None, marked_until=None)
        if self.died_of is not None and first_unfinished > self.died_of:
            moved = replace(moved, died_of=None, deaths_marked=None)
        return moved

    def survived(self) -> "Attempts":
        """Return what is known when a dependency stopped the work: it ended no process."""
        unmarked = replace(self, marked=None, marked_until=None)
        if self.culprit is not None:
            return unmarked
        return replace(unmarked, deaths=None, died_of=None, deaths_marked=None)

    def left(self) -> "Attempts":
        """Return what an owner writes that leaves in good order."""
        return replace(self, working=False, marked=None, marked_until=None)

    def encode(self) -> str:
        """Return the metadata of the commit; empty where there is nothing to tell."""
        words = [name for name in _FLAGS if getattr(self, name)]
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        words += [f"{name}={number}" for name, number in numbers.items() if number is not None]
        if self.topic_id:
            words.append(f"topic={self.topic_id}")
        return " ".join([_NAME, *words]) if words else ""


_FLAGS: Final = ("working", "fine")
_NUMBERS: Final = (
    "deaths",
    "careful_until",
    "marked",
    "marked_until",
    "died_of",
    "deaths_marked",
)


def parse_attempts(at: int, metadata: str) -> Attempts:
    """Return what the metadata of the committed offset `at` tells.

    Metadata of somebody else, or of a version that we do not know, tell nothing; nor do words that
    make no sense together.
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
    working, fine = (flag in told for flag in _FLAGS)
    topic_id = told.get("topic") or None
    attempts = Attempts(at, working=working, fine=fine, topic_id=topic_id, **numbers)
    return _without_nonsense(_translate(attempts))


def _translate(told: Attempts) -> Attempts:
    """Return what was told in the form before chunks: a mark without an end, of a record alone.

    Of the many thousands that were suspected then, those of a chunk from it on are suspected still.
    """
    if told.marked is None or told.careful_until is None:
        return told
    if told.marked_until is not None or told.fine:
        return told
    until = min(told.careful_until, told.marked + CHUNK_RECORDS)
    died_of = told.marked if told.deaths_marked else None
    return replace(told, careful_until=until, fine=True, died_of=died_of)


def _without_nonsense(told: Attempts) -> Attempts:
    """Return what was told, without what is about records that are not suspected."""
    if not told.suspects(told.at):
        told = replace(told, careful_until=None, fine=False)
    if told.died_of is None or told.deaths_marked is None or not told.suspects(told.died_of):
        told = replace(told, died_of=None, deaths_marked=None)
    first, end = told.marked, told.marked_until
    if first is None or not told.suspects(first) or (end is not None and end <= first):
        told = replace(told, marked=None, marked_until=None)
    return told
