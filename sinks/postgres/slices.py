"""How many rows one transaction of a long job may touch: as many as keep it short."""

from dataclasses import dataclass
from typing import Final

FIRST: Final = 1_000
ROWS_MIN: Final = 100
ROWS_MAX: Final = 10_000
"""Bounds what one failure repeats, and what a sink may have to wait for."""
TARGET_S: Final = 0.1
"""Of one transaction. A sink that meets one of its rows waits for its end."""
PAUSE_S_MIN: Final = 0.01
PAUSE_S_MAX: Final = 2.0


@dataclass(slots=True)
class SliceSize:
    """The size of the next slice, learnt from how long the one before took."""

    rows: int = FIRST

    def learn(self, took_s: float) -> None:
        """Halve after a slow slice, double after one that was quick by far."""
        if took_s > TARGET_S:
            self.rows = max(ROWS_MIN, self.rows // 2)
        elif took_s < TARGET_S / 2:
            self.rows = min(ROWS_MAX, self.rows * 2)

    def pause_s(self, took_s: float) -> float:
        """Return how long to leave PostgreSQL to others: as long as the slice kept it busy."""
        return min(max(took_s, PAUSE_S_MIN), PAUSE_S_MAX)
