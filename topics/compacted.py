"""Reading a compacted topic to its end and beyond, and knowing how fresh what was read is.

A thread of its own polls, applies each record, and asks the broker where the log ends. What was
read is *confirmed* as of the moment before a question whose answer lay at or before our position.
"""

import threading
from collections.abc import Callable
from math import inf
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from runtime.clock import Clock, SystemClock
from runtime.logs import get_logger
from schemas.errors import DependencyError, PipelineError
from topics.clients import DEPENDENCY, ask, open_consumer, refused, require_topic

POLL_S: Final = 0.05
"""Longest wait for records between two looks at the clock."""
CONFIRM_EVERY_S: Final = 0.2
"""Between two questions where the log ends; agents tolerate an age of 1 s."""
QUERY_TIMEOUT_S: Final = 1.0
"""Longest wait for that answer; without one the confirmed age grows."""
STOP_TIMEOUT_S: Final = 5.0
"""Longest wait for the thread to end."""
BATCH_RECORDS_MAX: Final = 500
FAILURES_MAX: Final = 100
"""Bad records remembered by key; all are counted."""

_FETCH_WAIT_MS: Final = 100
"""The broker answers one request of a connection at a time: the question waits for a fetch."""
_BAD_RECORD: Final = (
    PipelineError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
)
"""Whatever a record of somebody else's making may provoke: it must not stop the reader."""

Apply = Callable[[bytes, bytes | None, int, int], None]
"""key, value (None: a tombstone), broker timestamp in ms, offset; MessageError: a bad record."""

_log = get_logger(__name__)


class CompactedReader:
    """Applies every record of a one-partition topic, from its beginning, in the order of the log.

    `apply` runs on the reader's thread. A broker outage is survived: the confirmed age grows, and
    shrinks again by itself.
    """

    def __init__(
        self, bootstrap: str, topic: str, apply: Apply, *, clock: Clock | None = None
    ) -> None:
        self.topic = topic
        self.failures: dict[str, str] = {}
        """Key of a bad record → what is wrong with it; the last `FAILURES_MAX`."""
        self.failures_total = 0
        self.failure: str | None = None
        """Why the end of the topic cannot be confirmed at present; None when it can."""
        self.torn = False
        """True for good once the log shrank: what was read is no longer what is published."""
        self._bootstrap = bootstrap
        self._apply = apply
        self._clock = clock or SystemClock()
        self._position = 0
        self._confirmed_s = -inf
        self._goal: tuple[float, int] | None = None
        """When the broker was last asked where the log ends, and its answer; None once reached."""
        self._caught_up = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read {topic}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what was read stays."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    @property
    def caught_up(self) -> bool:
        """Whether the topic was once read to its end."""
        return self._caught_up.is_set()

    @property
    def ended(self) -> bool:
        """Whether the thread is not running, though nobody stopped it; it never comes back."""
        return not self._thread.is_alive() and not self._stopping.is_set()

    def wait_caught_up(self, timeout_s: float) -> bool:
        """Return whether the topic was once read to its end, waiting for it up to `timeout_s`."""
        return self._caught_up.wait(timeout_s)

    def require_caught_up(self, timeout_s: float) -> None:
        """Wait until the topic was read to its end.

        Raises:
            DependencyError: it was not within `timeout_s`; says why.
        """
        if not self.wait_caught_up(timeout_s):
            reason = self.failure or f"not read to its end within {timeout_s:g} s"
            raise DependencyError(DEPENDENCY, f"topic {self.topic} at {self._bootstrap}: {reason}")

    def confirmed_age_s(self) -> float:
        """Return for how many seconds a newer record may have gone unnoticed.

        inf before the end was first reached, and when the reader has ended.
        """
        return self._clock.monotonic_s() - self._confirmed_s

    def _run(self) -> None:
        settings = {"fetch.wait.max.ms": _FETCH_WAIT_MS, "auto.offset.reset": "error"}
        consumer = open_consumer(self._bootstrap, **settings)
        try:
            self._find_topic(consumer)
            consumer.assign([TopicPartition(self.topic, 0, OFFSET_BEGINNING)])
            self._read(consumer)
        finally:
            self._confirmed_s = -inf
            self.failure = "the reader has ended"
            consumer.close()

    def _find_topic(self, consumer: Consumer) -> None:
        """Wait until the topic exists."""
        while not self._stopping.is_set():
            try:
                partitions = require_topic(consumer, self._bootstrap, self.topic, QUERY_TIMEOUT_S)
            except DependencyError as error:
                self._fail(error.reason)
            else:
                if partitions == 1:
                    return
                self._fail(f"{partitions} partitions, expected 1: `judgify topics check`")
            self._stopping.wait(QUERY_TIMEOUT_S)

    def _read(self, consumer: Consumer) -> None:
        asked_s = -inf
        while not self._stopping.is_set():
            self._poll(consumer)
            self._reach_goal()
            now_s = self._clock.monotonic_s()
            if now_s - asked_s >= CONFIRM_EVERY_S:
                asked_s = now_s
                self._ask_end(consumer, asked_s)
                self._reach_goal()

    def _poll(self, consumer: Consumer) -> None:
        what = f"reading {self.topic}"
        try:
            messages = ask(
                self._bootstrap, what, lambda: consumer.consume(BATCH_RECORDS_MAX, POLL_S)
            )
        except DependencyError as error:
            self._fail(error.reason)
            self._stopping.wait(POLL_S)
            return
        for message in messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        error = message.error()
        offset = message.offset()
        if error is None and offset is not None:
            self._apply_guarded(message, offset)
            self._position = offset + 1
        elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
            self._position = max(self._position, offset or 0)  # past markers and compacted records
        elif error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 -- as above
            self._tear(f"offset {self._position} is not in the log")
        elif error is not None:
            self._fail(refused(self._bootstrap, f"reading {self.topic}", error).reason)

    def _apply_guarded(self, message: Message, offset: int) -> None:
        key = message.key() or b""
        try:
            self._apply(key, message.value(), message.timestamp()[1], offset)
        except _BAD_RECORD as error:
            self._remember(key, offset, error)

    def _remember(self, key: bytes, offset: int, error: Exception) -> None:
        name = key.decode("utf-8", "backslashreplace")
        self.failures_total += 1
        self.failures[name] = f"offset {offset}: {error}"
        if len(self.failures) > FAILURES_MAX:
            del self.failures[next(iter(self.failures))]
        _log.error(
            "compacted_record_refused",
            topic=self.topic,
            offset=offset,
            key=name,
            error=str(error),
            error_type=type(error).__name__,
        )

    def _ask_end(self, consumer: Consumer, asked_s: float) -> None:
        partition = TopicPartition(self.topic, 0)
        try:
            marks = ask(
                self._bootstrap,
                f"asking where {self.topic} ends",
                lambda: consumer.get_watermark_offsets(partition, timeout=QUERY_TIMEOUT_S),
            )
        except DependencyError as error:
            self._fail(error.reason)
            return
        if marks is None:
            self._fail(f"no answer within {QUERY_TIMEOUT_S:g} s from {self._bootstrap}")
        elif marks[1] < self._position:
            self._tear(f"it ends at {marks[1]}, but {self._position} was read")
        elif self._goal is None or marks[1] <= self._position:
            self._goal = (asked_s, marks[1])

    def _reach_goal(self) -> None:
        """Confirm, as of the moment the broker was asked, what has been read up to its answer."""
        if self._goal is None or self._position < self._goal[1] or self.torn:
            return
        self._confirmed_s = self._goal[0]
        self._goal = None
        if self.failure is not None:
            _log.info("compacted_reader_recovered", topic=self.topic)
        self.failure = None
        self._caught_up.set()

    def _tear(self, what: str) -> None:
        self._fail(f"{what}: the topic was deleted and created again; restart this process")
        self.torn = True
        self._confirmed_s = -inf

    def _fail(self, reason: str) -> None:
        if self.torn:
            return
        if self.failure is None:
            _log.warning("compacted_reader_held", topic=self.topic, reason=reason)
        self.failure = reason
