"""Recoveries: how long after each healing a lane made its first progress. Pure.

A lane progresses when its group commits more. Where another fault of the lane strikes before that,
the time runs from the last of their healings.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

_LANES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "rule-agent": ("rule-agent",),
    "postgres-sink": ("postgres-sink",),
    "kafka": ("rule-agent", "postgres-sink"),
    "postgres": ("postgres-sink",),
}
"""What stands still when a target is broken; Valkey stops nobody."""


class Trouble(NamedTuple):
    """A fault as it happened."""

    fault: str
    target: str
    begun_s: float
    healed_s: float

    @property
    def lanes(self) -> tuple[str, ...]:
        return _LANES_OF.get(self.target.partition("/")[0], ())


class Recovery(NamedTuple):
    """A row of the evidence."""

    fault: str
    target: str
    lane: str
    healed_s: float
    """Of this fault, or of the last that overlapped."""
    took_s: float | None
    """None: there was no progress any more."""


def find_recoveries(events: Sequence[Mapping[str, Any]]) -> list[Recovery]:
    """Return one recovery per fault and lane, from a history."""
    troubles = _find_troubles(events)
    found = []
    for lane in ("rule-agent", "postgres-sink"):
        progress = _find_progress(events, lane)
        ours = [trouble for trouble in troubles if lane in trouble.lanes]
        found += [_measure(trouble, lane, ours, progress) for trouble in ours]
    return sorted(found, key=lambda recovery: recovery.healed_s)


def _measure(
    trouble: Trouble, lane: str, troubles: Sequence[Trouble], progress: Sequence[float]
) -> Recovery:
    since_s = trouble.healed_s
    while True:
        first_s = next((at_s for at_s in progress if at_s > since_s), None)
        until_s = float("inf") if first_s is None else first_s
        later = [it.healed_s for it in troubles if it.begun_s <= until_s and it.healed_s > since_s]
        if not later:
            took_s = None if first_s is None else round(first_s - since_s, 2)
            return Recovery(trouble.fault, trouble.target, lane, since_s, took_s)
        since_s = min(later)


def _find_troubles(events: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    begun = {event["number"]: event for event in events if event["event"] == "injected"}
    return [
        Trouble(it["fault"], it["target"], begun[it["number"]]["t"], it["t"])
        for it in events
        if it["event"] == "healed" and it["number"] in begun
    ]


def _find_progress(events: Sequence[Mapping[str, Any]], lane: str) -> list[float]:
    """Return when the group of `lane` was first seen to have committed more."""
    seen, times = 0, []
    for event in events:
        if event["event"] == "offsets":
            committed = sum(event[lane])
            if committed > seen:
                times.append(event["t"])
                seen = committed
    return times
