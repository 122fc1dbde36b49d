"""Recoveries: how long after each healing a lane made its first progress. Pure.

A lane progresses when its group commits more. The clock stands still while another fault of the
lane goes on, so that it runs from the end of the last one that overlaps; it never starts anew: a
lane that stands still from one fault to the next has not recovered from the first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.chaos.schedule import AGENTS

_LANES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "rule-agent": ("rule-agent",),
    "llm-agent": ("llm-agent",),
    "postgres-sink": ("postgres-sink",),
    "kafka": AGENTS,
    "postgres": ("postgres-sink",),
}
"""What stands still when a target is broken; neither Valkey nor an LLM stops anybody."""


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
    took_s: float | None
    """Without the time of other faults of the lane. None: there was no progress any more."""


def find_recoveries(events: Sequence[Mapping[str, Any]]) -> list[Recovery]:
    """Return one recovery per fault and lane, from a history."""
    troubles = _find_troubles(events)
    found = []
    for lane in AGENTS:
        progress = _find_progress(events, lane)
        ours = [trouble for trouble in troubles if lane in trouble.lanes]
        found += [_measure(trouble, lane, ours, progress) for trouble in ours]
    return sorted(found, key=lambda recovery: recovery.healed_s)


def _measure(
    trouble: Trouble, lane: str, troubles: Sequence[Trouble], progress: Sequence[float]
) -> Recovery:
    first_s = next((at_s for at_s in progress if at_s > trouble.healed_s), None)
    took_s = None
    if first_s is not None:
        took_s = round(_count_sound_s(trouble.healed_s, first_s, troubles), 2)
    return Recovery(trouble.fault, trouble.target, lane, trouble.healed_s, took_s)


def _count_sound_s(since_s: float, until_s: float, troubles: Sequence[Trouble]) -> float:
    """Return the time between two moments in which none of `troubles` went on."""
    sound_s, sound_since_s = 0.0, since_s
    for trouble in sorted(troubles, key=lambda it: it.begun_s):
        begun_s = min(trouble.begun_s, until_s)
        sound_s += max(0.0, begun_s - sound_since_s)
        sound_since_s = max(sound_since_s, trouble.healed_s)
    return sound_s + max(0.0, until_s - sound_since_s)


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
