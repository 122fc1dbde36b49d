"""What differs between two workflow documents, piece by piece, in an order that people can read."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rules.workflow.canonical import canonical_bytes

Kind = Literal["added", "removed", "changed", "moved"]

_LISTED: Final = {"rules": "id", "actions": "id", "tests": "name"}
"""Parts that are lists, and the key that names their items."""
_NAMED: Final = frozenset({"verdicts", "input", "constants", "derive"})
"""Parts that hold named things in no order of their own."""
_ORDERED: Final = frozenset({"rules"})
"""Parts of which the order decides."""


@dataclass(frozen=True, slots=True)
class PartChange:
    """One piece that differs.

    Attributes:
        part: The key of the document: `rules`, `input`, `min_confidence`.
        name: Of the rule, field, test and so on; None for a part that holds no named things.
        kind: A rule can be moved and changed; then it is in the list twice.
        before: As it was; None when it was not there. Of a moved rule its place, from 1.
        after: As it is; None when it is not there any more. Of a moved rule its place.
    """

    part: str
    name: str | None
    kind: Kind
    before: Any
    after: Any

    def details(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield what changed, before and after: key by key where both are mappings."""
        if isinstance(self.before, Mapping) and isinstance(self.after, Mapping):
            for key in dict.fromkeys((*self.before, *self.after)):
                old, new = self.before.get(key), self.after.get(key)
                if not _is_same(old, new):
                    yield str(key), old, new
        else:
            yield self.kind, self.before, self.after


def compare_documents(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[PartChange, ...]:
    """Return what differs; nothing exactly when both documents have the same version."""
    changes: list[PartChange] = []
    for part in dict.fromkeys((*after, *before)):
        old, new = before.get(part), after.get(part)
        if _is_same(old, new):
            continue
        found = list(_compare_part(part, old, new))
        # Only the order of a list without one, or items of the same name, are left to differ.
        changes += found or [PartChange(part, None, "changed", old, new)]
    return tuple(changes)


def _compare_part(part: str, old: Any, new: Any) -> Iterator[PartChange]:
    if part in _LISTED:
        old, new = _by_name(old, _LISTED[part]), _by_name(new, _LISTED[part])
    elif part not in _NAMED:
        yield PartChange(part, None, _kind(old, new), old, new)
        return
    old, new = old or {}, new or {}
    for name in dict.fromkeys((*new, *old)):
        if not _is_same(old.get(name), new.get(name)):
            yield PartChange(
                part, name, _kind(old.get(name), new.get(name)), old.get(name), new.get(name)
            )
    if part in _ORDERED:
        yield from _moves(part, list(old), list(new))


def _moves(part: str, old: Sequence[str], new: Sequence[str]) -> Iterator[PartChange]:
    """Yield the fewest pieces whose moving makes the one order of the other."""
    places = {name: place for place, name in enumerate(old, 1)}
    kept = [name for name in new if name in places]
    staying = _longest_rising([places[name] for name in kept])
    for name in kept:
        if places[name] not in staying:
            yield PartChange(part, name, "moved", places[name], new.index(name) + 1)


def _longest_rising(places: Sequence[int]) -> set[int]:
    """Return the longest rising subsequence; the numbers are distinct."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        length = bisect_left(ends, place)
        before[place] = ends[length - 1] if length else None
        ends[length : length + 1] = [place]
    staying: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        staying.add(last)
        last = before[last]
    return staying


def _by_name(items: Sequence[Mapping[str, Any]] | None, key: str) -> dict[str, Any]:
    """Return the items by name; of several of one name, the others with their number."""
    seen: Counter[str] = Counter()
    named: dict[str, Any] = {}
    for item in items or ():
        name = str(item[key])
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name} ({seen[name]})"] = item
    return named


def _kind(old: object, new: object) -> Kind:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _is_same(old: object, new: object) -> bool:
    # As versions see it: to Python, true equals 1.
    return old is new or canonical_bytes({"": old}) == canonical_bytes({"": new})
