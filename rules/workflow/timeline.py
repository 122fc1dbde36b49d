"""The history of one workflow: its versions, and which of them was in force at which instant.

Immutable: the book replaces a timeline as a whole, so that readers need no lock.
"""

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rules.workflow.compiled import CompiledWorkflow
from schemas.errors import MessageError

_HEX: Final = re.compile(r"[0-9a-f]{1,64}\Z")
_SHORT_CHARS: Final = 12
_HEX_PREFIX_CHARS_MIN: Final = 4
"""A shorter prefix may be a number by accident, and be ambiguous tomorrow."""


class NotCompiled(LookupError):  # noqa: N818 -- no error: it is waited for
    """The version in force is known, but cannot judge yet: it has not been read, or compiled."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version as the log has it.

    Attributes:
        number: Per workflow, in log order, from 1.
        version: 64 hex digits.
        document: As published.
        author: Who published it.
        note: Why.
        at_ms: Broker time of the record.
        offset: Of the first record of this version.
        compiled: None when the document does not compile.
        problem: Why it does not.
    """

    number: int
    version: str
    document: Mapping[str, Any]
    author: str
    note: str
    at_ms: int
    offset: int
    compiled: CompiledWorkflow | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ActiveFrom:
    """An activation as the log has it.

    Attributes:
        from_ms: In force from this broker time, inclusive.
        offset: Of its record; decides between activations of the same instant.
        version: None retires the workflow.
        author: Who activated it.
        note: Why.
        at_ms: Broker time of the record.
    """

    from_ms: int
    offset: int
    version: str | None
    author: str
    note: str
    at_ms: int

    @property
    def order(self) -> tuple[int, int]:
        return (self.from_ms, self.offset)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Versions in log order, activations in the order in which they came into force."""

    versions: tuple[PublishedVersion, ...] = ()
    activations: tuple[ActiveFrom, ...] = ()
    _starts: tuple[int, ...] = field(default=(), repr=False)
    _judges: tuple[CompiledWorkflow | None, ...] = field(default=(), repr=False)
    _newest_ms: int | None = field(default=None, repr=False)
    """Start of the newest activation, if what it put in force is compiled: the usual answer."""
    _newest: CompiledWorkflow | None = field(default=None, repr=False)

    def with_version(self, published: PublishedVersion) -> "tuple[Timeline, PublishedVersion]":
        """Return the timeline with one version more, and that version with its number.

        Of several records of a version the first names its author and gives it its number.
        """
        others = [each for each in self.versions if each.version != published.version]
        ordered = sorted([*others, published], key=lambda each: each.offset)
        numbered = tuple(replace(each, number=place) for place, each in enumerate(ordered, 1))
        return _make(numbered, self.activations), numbered[ordered.index(published)]

    def with_activation(self, activation: ActiveFrom) -> "Timeline":
        """Return the timeline with one activation more; one that it knows changes nothing."""
        place = bisect.bisect_left(self.activations, activation.order, key=lambda each: each.order)
        if self.activations[place : place + 1] == (activation,):
            return self
        merged = (*self.activations[:place], activation, *self.activations[place:])
        return _make(self.versions, merged)

    def at(self, at_ms: int) -> CompiledWorkflow | None:
        """Return what judges requests of this broker time; None before the first and if retired.

        Raises:
            NotCompiled: A version is in force that cannot judge yet.
        """
        newest_ms = self._newest_ms
        if newest_ms is not None and at_ms >= newest_ms:
            return self._newest
        place = bisect.bisect_right(self._starts, at_ms) - 1
        if place < 0:
            return None
        judge = self._judges[place]
        version = self.activations[place].version
        if judge is None and version is not None:
            raise NotCompiled(self._why_not(version))
        return judge

    def activation_at(self, at_ms: int) -> ActiveFrom | None:
        """Return the activation in force; None before the first."""
        place = bisect.bisect_right(self._starts, at_ms) - 1
        return self.activations[place] if place >= 0 else None

    def since_ms(self, at_ms: int) -> int | None:
        """Return since when the version that is in force has been so without interruption."""
        place = bisect.bisect_right(self._starts, at_ms) - 1
        if place < 0 or self.activations[place].version is None:
            return None
        while place > 0 and self.activations[place - 1].version == self.activations[place].version:
            place -= 1
        return self._starts[place]

    def version(self, version: str) -> PublishedVersion | None:
        """Return the version of this name, 64 hex digits; None when it has not been read."""
        return next((each for each in self.versions if each.version == version), None)

    def resolve(self, reference: str, workflow_id: str, at_ms: int) -> str:
        """Return the version that a person means: a number, a hex prefix, @active, @previous.

        `milling@14` names the workflow as well. Digits are a number if there is a version of that
        number, else a prefix.

        Raises:
            MessageError: `version_not_found` or `version_ambiguous`.
        """
        prefix = f"{workflow_id}@"
        word = reference.removeprefix(prefix)
        if word in ("active", "@active"):
            return self._active(workflow_id, at_ms)
        if word in ("previous", "@previous"):
            return self._previous(workflow_id, at_ms)
        if word.isdecimal() and word.isascii() and 0 < int(word[:9]) <= len(self.versions):
            return self.versions[int(word[:9]) - 1].version
        return self._by_prefix(word, workflow_id)

    def _by_prefix(self, word: str, workflow_id: str) -> str:
        found = [each.version for each in self.versions if each.version.startswith(word)]
        if not _HEX.match(word) or len(word) < _HEX_PREFIX_CHARS_MIN or not found:
            hint = f"`judgify workflow history {workflow_id}` lists its versions"
            raise MessageError("version_not_found", f"{workflow_id} has no version {word}; {hint}")
        if len(found) > 1:
            shown = ", ".join(each[:_SHORT_CHARS] for each in found)
            raise MessageError("version_ambiguous", f"{word} may be {shown}; type more of it")
        return found[0]

    def _active(self, workflow_id: str, at_ms: int) -> str:
        activation = self.activation_at(at_ms)
        if activation is None or activation.version is None:
            hint = f"`judgify workflow activate {workflow_id} --version V`"
            raise MessageError("version_not_found", f"{workflow_id} is not active; {hint}")
        return activation.version

    def _previous(self, workflow_id: str, at_ms: int) -> str:
        place = bisect.bisect_right(self._starts, at_ms) - 1
        active = self.activations[place].version if place >= 0 else None
        for each in reversed(self.activations[: max(place, 0)]):
            if each.version not in (None, active):
                return str(each.version)
        message = f"no other version of {workflow_id} was in force before"
        raise MessageError("version_not_found", message)

    def _why_not(self, version: str) -> str:
        known = self.version(version)
        why = "has not been read yet" if known is None else f"does not compile: {known.problem}"
        return f"version {version[:_SHORT_CHARS]} is in force and {why}"


def _make(versions: tuple[PublishedVersion, ...], activations: tuple[ActiveFrom, ...]) -> Timeline:
    compiled = {each.version: each.compiled for each in versions}
    judges = tuple(compiled.get(each.version or "") for each in activations)
    newest = activations[-1] if activations else None
    is_ready = newest is not None and (newest.version is None or judges[-1] is not None)
    return Timeline(
        versions,
        activations,
        tuple(each.from_ms for each in activations),
        judges,
        newest.from_ms if newest is not None and is_ready else None,
        judges[-1] if judges else None,
    )
