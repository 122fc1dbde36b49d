"""What would have to change for a rule that did not fire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rules.language.atoms import ComparisonTrace, trace_atom
from rules.language.kleene import Environment, value_of
from rules.language.tree import OPPOSITES, Comparator, Literal, Logic, Node, Not

CHANGES_MAX: Final = 3
"""A rule that needs more changes than this was not nearly true."""


@dataclass(frozen=True, slots=True)
class Change:
    """A comparison that must come out otherwise.

    Attributes:
        comparison: How it is now.
        wanted: What it must be.
        operator: How the subject must then compare with the bound; None when it is no comparison
            of two values.
        difference: What must be added to the subject to reach the bound; None when one of them is
            no number or UNKNOWN. Strict comparisons need a little more.
    """

    comparison: ComparisonTrace
    wanted: bool
    operator: Comparator | None
    difference: float | None


def fewest_changes(condition: Node, text: str, names: Environment) -> tuple[Change, ...]:
    """Return the fewest comparisons that must change for the condition to be true.

    Among as few, those that are relatively nearest. Empty when the condition is true, when no
    change of fields can make it true, and when more than `CHANGES_MAX` are needed. Each comparison
    is looked at by itself: whether one input can satisfy all of them is not asked.
    """
    needed = _Search(text, names).way_to(condition, wanted=True) or ()
    unique = {(change.comparison.start, change.wanted): change for change in needed}
    return tuple(unique.values()) if len(unique) <= CHANGES_MAX else ()


class _Search:
    """The text of a condition and the values under which it is looked at."""

    def __init__(self, text: str, names: Environment) -> None:
        self._text = text
        self._names = names

    def way_to(self, node: Node, *, wanted: bool) -> Sequence[Change] | None:
        """Return the changes that make the node `wanted`; None when nothing can."""
        if value_of(node, self._names) is wanted:
            return ()
        match node:
            case Not(operand=operand):
                return self.way_to(operand, wanted=not wanted)
            case Logic(operator=operator, operands=operands):
                ways = [self.way_to(operand, wanted=wanted) for operand in operands]
                return _all(ways) if (operator == "and") is wanted else _nearest(ways)
            case Literal():
                return None
            case _:
                now = trace_atom(node, self._text, self._names)
                demanded = now.operator if wanted or not now.operator else OPPOSITES[now.operator]
                return (Change(now, wanted, demanded, _difference(now)),)


def _all(ways: Sequence[Sequence[Change] | None]) -> Sequence[Change] | None:
    possible = [way for way in ways if way is not None]
    return [change for way in possible for change in way] if len(possible) == len(ways) else None


def _nearest(ways: Sequence[Sequence[Change] | None]) -> Sequence[Change] | None:
    possible = [way for way in ways if way is not None]
    return min(possible, key=lambda way: (len(way), sum(map(_distance, way))), default=None)


def _distance(change: Change) -> float:
    """Return how far the subject is from the bound, relative to where it is; 1 for no number."""
    if change.difference is None:
        return 1.0
    value = change.comparison.value
    return abs(change.difference) / max(abs(value) if isinstance(value, float) else 0.0, 1e-9)


def _difference(now: ComparisonTrace) -> float | None:
    match now.form, now.value, now.bound:
        case "comparison", float(value), float(bound):
            return bound - value
        case "between", float(value), (float(low), float(high)):
            return min((low - value, high - value), key=abs)
        case _:
            return None
