"""The circuit breaker before the endpoint: no more calls to one that fails, and one call to try it.

Pure: the caller passes monotonic seconds. Own code, because the libraries let every caller that
waits through at once when they try again.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

FAILURES_MAX: Final = 5
"""Consecutive failures that open it."""
OPEN_S: Final = 30.0
PROBE_S_MAX: Final = 60.0
"""A probe that has told nothing for so long is given up: whoever made it is gone."""


class CircuitState(IntEnum):
    """What `llm_circuit_state` shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(slots=True, eq=False)
class Pass:
    """Leave to make one call; whoever holds it tells the breaker how the call ended."""

    era: int
    """How often the breaker had changed its state when this was given."""
    asked_s: float
    probe: bool
    """Whether everybody else waits for how this one ends."""
    ended: bool = False


class Breaker:
    """Closed: all may ask. Open: nobody. Half open: one, and how it ends decides."""

    def __init__(self, failures_max: int = FAILURES_MAX, open_s: float = OPEN_S) -> None:
        self._failures_max = failures_max
        self._open_s = open_s
        self._failures = 0
        self._opened_s: float | None = None
        self._probe: Pass | None = None
        self._era = 0

    def ask(self, now_s: float) -> Pass | None:
        """Return leave to make one call, or None: not now."""
        if self._opened_s is None:
            return Pass(self._era, now_s, probe=False)
        if self.state(now_s) is not CircuitState.HALF_OPEN or self._is_probing(now_s):
            return None
        self._probe = Pass(self._era, now_s, probe=True)
        return self._probe

    def succeed(self, granted: Pass) -> None:
        """Learn that the endpoint answered, whatever its answer was worth."""
        if self._end(granted):
            self._failures = 0
            if granted.probe:
                self._opened_s = None
                self._era += 1

    def fail(self, granted: Pass, now_s: float) -> None:
        """Learn that the endpoint did not answer as one that works does."""
        if self._end(granted):
            self._failures += 1
            if granted.probe or self._failures >= self._failures_max:
                self._opened_s = now_s
                self._failures = 0
                self._era += 1

    def give_back(self, granted: Pass) -> None:
        """Learn that nothing was learnt: the call was cancelled or never made.

        After an end this does nothing, so it may stand in a `finally`.
        """
        self._end(granted)

    def state(self, now_s: float) -> CircuitState:
        if self._opened_s is None:
            return CircuitState.CLOSED
        rested = now_s - self._opened_s >= self._open_s
        return CircuitState.HALF_OPEN if rested else CircuitState.OPEN

    def retry_in_s(self, now_s: float) -> float:
        """Return how long nobody may ask; 0 also while everybody waits for a probe."""
        if self._opened_s is None:
            return 0.0
        return max(0.0, self._opened_s + self._open_s - now_s)

    def _is_probing(self, now_s: float) -> bool:
        return self._probe is not None and now_s - self._probe.asked_s < PROBE_S_MAX

    def _end(self, granted: Pass) -> bool:
        """Take `granted` back; say whether its end tells anything of the present.

        What was asked before the last change of state tells of a past that has been dealt with.
        """
        if granted.ended:
            return False
        granted.ended = True
        if granted.probe:
            current = granted is self._probe
            self._probe = None if current else self._probe
            return current
        return granted.era == self._era
