"""Time: the machine's own clocks, and the broker's, which alone is compared with records."""

import time
from datetime import UTC, datetime
from typing import Protocol


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
    now; the largest bound is the best estimate. Until the first one our wall clock stands in.
    The offset forgets slowly (`DRIFT`), so that a broker clock that was set back is followed.
    """

    DRIFT = 0.001
    """How much of each second of silence the estimate may fall behind: 1 ms/s.

    Quartz clocks drift below 0.0001; a clock set back by 10 s is followed within 3 h.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms = clock.wall_ms() - clock.monotonic_s() * 1_000
        self._learnt_s: float | None = None

    def observe(self, timestamp_ms: int) -> None:
        """Learn from a broker timestamp: a produce acknowledgement or the newest record."""
        now_s = self._clock.monotonic_s()
        bound_ms = timestamp_ms - now_s * 1_000
        if self._learnt_s is None:
            self._offset_ms, self._learnt_s = bound_ms, now_s
            return
        decayed_ms = self._offset_ms - (now_s - self._learnt_s) * 1_000 * self.DRIFT
        if bound_ms >= decayed_ms:
            self._offset_ms, self._learnt_s = bound_ms, now_s

    def now_ms(self) -> int:
        """Return the broker's time, ms since the epoch; at most one round trip behind."""
        return int(self._clock.monotonic_s() * 1_000 + self._offset_ms)


def format_ms(timestamp_ms: int) -> str:
    """Return `timestamp_ms` (since the epoch) as RFC 3339 in UTC: `2026-11-21T12:00:00.123Z`."""
    seconds, rest = divmod(timestamp_ms, 1_000)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
