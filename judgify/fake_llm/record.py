"""What a stand-in was asked: counts, and the last questions, for tests that look."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

LAST_MAX: Final = 20
BODY_BYTES_KEPT: Final = 65_536
"""A longer question is counted and not kept."""


class Record:
    """Counts since the script in force was given."""

    def __init__(self) -> None:
        self.total = 0
        self.in_flight = 0
        self._paths: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._last: deque[Mapping[str, Any]] = deque(maxlen=LAST_MAX)

    @contextmanager
    def count(self, path: str) -> Iterator[int]:
        """Count a question while it is answered; yields its number, from 1."""
        self.total += 1
        self.in_flight += 1
        self._paths[path] += 1
        try:
            yield self.total
        finally:
            self.in_flight -= 1

    def keep(self, path: str, raw: bytes, body: Mapping[str, Any]) -> None:
        """Keep a question to be looked at."""
        if len(raw) <= BODY_BYTES_KEPT:
            self._last.append({"path": path, "body": body})

    def count_fault(self, kind: str) -> None:
        self._faults[kind] += 1

    def show(self) -> Mapping[str, Any]:
        """Return everything, as JSON can hold it; the newest question last."""
        return {
            "stand_in": True,
            "total": self.total,
            "in_flight": self.in_flight,
            "paths": dict(self._paths),
            "faults": dict(self._faults),
            "last": list(self._last),
        }
