"""The history of a run: an append-only log of what happened when, one JSON object per line."""

import threading
import time
from pathlib import Path
from typing import Any

import orjson


class History:
    """Writes events as they happen; any thread may."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._started_s = time.monotonic()

    def now_s(self) -> float:
        """Return the seconds since the run began; SIGSTOP, sleep and clock changes aside."""
        return round(time.monotonic() - self._started_s, 3)

    def add(self, event: str, **details: Any) -> float:
        """Append an event; return when it happened."""
        now_s = self.now_s()
        line = orjson.dumps({"t": now_s, "at": time.time(), "event": event, **details})
        with self._lock:
            self._file.write(line + b"\n")
        return now_s

    def read(self, *events: str) -> list[dict[str, Any]]:
        """Return the events of these kinds so far, in order."""
        with self.path.open("rb") as file:
            told = [orjson.loads(line) for line in file]
        return [event for event in told if event["event"] in events]

    def close(self) -> None:
        self._file.close()
