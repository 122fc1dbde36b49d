"""Time: the machine's own clocks, and the broker's, which alone is compared with records."""

import time
from datetime import UTC, datetime
from typing import Final, Protocol


class Clock(Protocol):
    """What tells time; tests pass their own."""

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""
        ...

    def wall_ms(self) -> int:
        """Return this machine's wall clock, ms since the epoch; never compare it with a record."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


class BrokerClock:
    """Broker time: our monotonic clock plus an offset learnt from timestamps the broker gave.

    A timestamp is given before we see it, so each observation is a lower bound of the broker's
    now; the largest bound is the best estimate. It never runs ahead of a broker whose clock drifts
    less than `DRIFT`, and after the first acknowledgement it never goes back. Until then our wall
    clock stands in: a backlog's records are hours old, and must not become the present.
    """

    DRIFT = 0.001
    """How much of each second of silence the estimate falls behind: 1 ms/s.

    Quartz clocks drift below 0.0001. A broker clock that was set back by 10 s is followed within
    3 h (until then we are ahead of it), and an hour of silence makes us 4 s late, not more.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learnt_s = clock.monotonic_s()
        self._offset_ms = clock.wall_ms() - self._learnt_s * 1_000
        self._acknowledged = False

    def observe(self, timestamp_ms: int) -> None:
        """Learn from a record's timestamp, however old: it can only put the estimate forward."""
        now_s = self._clock.monotonic_s()
        bound_ms = timestamp_ms - now_s * 1_000
        if bound_ms >= self._estimate_ms(now_s):
            self._offset_ms, self._learnt_s = bound_ms, now_s

    def observe_acknowledged(self, timestamp_ms: int) -> None:
        """Learn from a produce acknowledgement: the broker gave it a moment ago.

        The first one replaces our wall clock, which may be ahead of the broker's.
        """
        if not self._acknowledged:
            self._acknowledged = True
            self._learnt_s = self._clock.monotonic_s()
            self._offset_ms = timestamp_ms - self._learnt_s * 1_000
        self.observe(timestamp_ms)

    def now_ms(self) -> int:
        """Return the broker's time, ms since the epoch.

        Behind it by what the best recent observation took to reach us, plus `DRIFT` of the time
        since.
        """
        now_s = self._clock.monotonic_s()
        return int(now_s * 1_000 + self._estimate_ms(now_s))

    def _estimate_ms(self, now_s: float) -> float:
        return self._offset_ms - (now_s - self._learnt_s) * 1_000 * self.DRIFT


_SECONDS_CHARS: Final = len("2026-11-21T12:00:00")


def format_ms(timestamp_ms: int) -> str:
    """Return `timestamp_ms` (since the epoch) as RFC 3339 in UTC: `2026-11-21T12:00:00.123Z`."""
    seconds, rest = divmod(timestamp_ms, 1_000)
    stamp = datetime.fromtimestamp(seconds, UTC).isoformat()[:_SECONDS_CHARS]
    return f"{stamp}.{rest:03d}Z"  # strftime would take eight times as long
