"""A clock that stands still until a test moves it."""


class FakeClock:
    """Implements `runtime.clock.Clock`; both clocks move together unless one is set alone."""

    def __init__(self, wall_ms: int = 1_750_000_000_000, monotonic_s: float = 1_000.0) -> None:
        self._wall_ms = wall_ms
        self._monotonic_s = monotonic_s

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def wall_ms(self) -> int:
        return self._wall_ms

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks; time does not go back."""
        if seconds < 0:
            message = f"a monotonic clock cannot go back {-seconds} s; set_wall_ms can"
            raise ValueError(message)
        self._monotonic_s += seconds
        self._wall_ms += round(seconds * 1_000)

    def set_wall_ms(self, wall_ms: int) -> None:
        """Set the wall clock alone, as an operator or NTP does; it may go back."""
        self._wall_ms = wall_ms
