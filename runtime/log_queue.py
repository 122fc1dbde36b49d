"""The queue between those who log and stdout: bounded, and never waited for."""

import logging
import queue
import threading
from typing import Final, TextIO

from typing_extensions import override

from runtime.metrics import LOG_EVENTS_DROPPED_TOTAL

LINES_MAX: Final = 10_000
FLUSH_TIMEOUT_S: Final = 2.0


class QueuedHandler(logging.Handler):
    """Hands records to a thread that formats and writes them.

    A full queue drops the record and counts it: a stdout that nobody reads must not stop judging.
    A record whose arguments fail to print ends the thread; the next record starts another one.
    """

    def __init__(self, stream: TextIO, lines_max: int = LINES_MAX) -> None:
        super().__init__()
        self._stream = stream
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(lines_max)
        self._thread = self._start_thread()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._records.put_nowait(record)
        except queue.Full:
            LOG_EVENTS_DROPPED_TOTAL.inc()
        if not self._thread.is_alive():
            self._thread = self._start_thread()

    @override
    def close(self) -> None:
        """Write what is queued, for at most `FLUSH_TIMEOUT_S`, and end the thread."""
        super().close()
        try:
            self._records.put(None, timeout=FLUSH_TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_TIMEOUT_S)

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._write_all, name="log-writer", daemon=True)
        thread.start()
        return thread

    def _write_all(self) -> None:
        while (record := self._records.get()) is not None:
            self._write(record)

    def _write(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(self.format(record) + "\n")
            if self._records.empty():
                self._stream.flush()
        except (OSError, ValueError, TypeError):
            LOG_EVENTS_DROPPED_TOTAL.inc()
