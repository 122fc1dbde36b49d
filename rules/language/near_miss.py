"""What would have to change for a rule that did not fire."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Final

from rules.language.atoms import ComparisonTrace
from rules.language.tree import OPPOSITES, Comparator, Literal, Logic, Node, Not

CHANGES_MAX: Final = 3
"""A rule that needs more changes than this was not nearly true."""

WAYS_MAX: Final = 64
"""Ways that are kept for each part of a condition: it bounds the search of a condition of 400
parts, and only in one that mentions a comparison many times could a cheaper way be lost."""


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


def fewest_changes(condition: Node, traces: Sequence[ComparisonTrace]) -> tuple[Change, ...]:
    """Return the fewest comparisons that must change for the condition to be true.

    `traces` are those of all its atoms. Among as few changes, those that are relatively nearest.
    Empty when the condition is true, when no change can make it true, and when more than
    `CHANGES_MAX` are needed. Comparisons of the same text are one, and none is wanted both ways;
    apart from that each is looked at by itself: whether one input can satisfy `x > 5` and `x < 3`
    is not asked.
    """
    by_place = {(trace.start, trace.end): trace for trace in traces}
    ways = _Search(by_place).ways_to(condition, wanted=True)
    return (
        tuple(sorted(ways[0].changes, key=lambda change: change.comparison.start)) if ways else ()
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """What makes a part of the condition come out as wanted.

    `demands` holds by text how each comparison must come out, those included that do so already;
    `changes` are the others.
    """

    demands: Mapping[str, bool]
    changes: tuple[Change, ...] = ()

    @property
    def cost(self) -> tuple[int, float, int]:
        return len(self.changes), sum(map(_distance, self.changes)), len(self.demands)


class _Search:
    """The comparisons of one condition by their places in its text."""

    def __init__(self, traces: Mapping[tuple[int, int], ComparisonTrace]) -> None:
        self._traces = traces

    def ways_to(self, node: Node, *, wanted: bool) -> list[_Way]:
        """Return the ways to make the node come out as wanted, the cheapest first."""
        match node:
            case Not(operand=operand):
                return self.ways_to(operand, wanted=not wanted)
            case Logic(operator=operator, operands=operands):
                parts = [self.ways_to(operand, wanted=wanted) for operand in operands]
                if (operator == "and") is wanted:
                    return reduce(_together, parts)
                return _cheapest(chain.from_iterable(parts))
            case Literal(value=value):
                return [_Way({})] if value is wanted else []
            case _:
                return [self._way_of(self._traces[node.start, node.end], wanted=wanted)]

    def _way_of(self, now: ComparisonTrace, *, wanted: bool) -> _Way:
        demands = {now.text: wanted}
        if now.holds is wanted:
            return _Way(demands)
        demanded = now.operator if wanted or not now.operator else OPPOSITES[now.operator]
        return _Way(demands, (Change(now, wanted, demanded, _difference(now)),))


def _together(some: list[_Way], others: list[_Way]) -> list[_Way]:
    """Return the ways that do both, without those that want one comparison both ways."""
    merged = (_merge(one, other) for one in some for other in others)
    return _cheapest(way for way in merged if way is not None)


def _merge(one: _Way, other: _Way) -> _Way | None:
    if any(one.demands.get(text, wanted) is not wanted for text, wanted in other.demands.items()):
        return None
    added = [each for each in other.changes if each.comparison.text not in one.demands]
    if len(one.changes) + len(added) > CHANGES_MAX:
        return None
    return _Way({**one.demands, **other.demands}, (*one.changes, *added))


def _cheapest(ways: Iterable[_Way]) -> list[_Way]:
    return heapq.nsmallest(WAYS_MAX, ways, key=lambda way: way.cost)


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
