"""Burying: a record that can never work becomes a dead letter, byte for byte, with the reason."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from runtime.clock import format_ms
from runtime.logs import get_logger
from runtime.metrics import DEAD_LETTERS_TOTAL
from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError, PipelineError
from stream.batch import Headers, Output, Record
from stream.ledger import TopicPartition
from stream.publisher import RECORD_BYTES_MAX
from stream.seam import Seam
from topics.headers import (
    CUT_BYTES,
    DEAD_LETTER_PREFIX,
    build_dead_letter_headers,
    cut_value,
    origin_text,
)

log = get_logger(__name__)

LETTER_BYTES_MAX: Final = RECORD_BYTES_MAX - 65_536
"""Key, value and headers of a dead letter; the rest is for the headers that we add."""
TOLD_MAX: Final = 100
"""Twice as many as stop the process when they come in a row."""
_CODE: Final = f"{DEAD_LETTER_PREFIX}code"


class Undertaker:
    """Makes dead letters of one process."""

    def __init__(self, seam: Seam, requests_topic: str) -> None:
        """Records of `requests_topic` are their own request origin."""
        self._seam = seam
        self._requests_topic = requests_topic
        self.counts: Counter[str] = Counter()
        """What was buried since the start, by code."""
        self._told: deque[tuple[str, int, int, int]] = deque(maxlen=TOLD_MAX)
        """Bugs that were logged: a batch that is tried again tells them no second time."""

    def bury(
        self,
        source: TopicPartition,
        record: Record,
        error: Exception,
        request_origin: str | None = None,
        *,
        with_headers: bool = True,
    ) -> Output:
        """Return the dead letter of `record`, to be published before the record counts as done.

        A `MessageError` says code and reason; anything else is our bug and is logged as one.
        """
        kind, code, reason = _describe(error)
        place = (source.topic, source.partition, record.offset)
        if kind == "bug" and (*place, record.timestamp) not in self._told:
            self._told.append((*place, record.timestamp))
            log.error(
                "bug_buried", topic=place[0], partition=place[1], offset=place[2], exc_info=error
            )
        if request_origin is None and source.topic == self._requests_topic:
            request_origin = origin_text(*place, record.timestamp)
        value, length, digest = cut_value(record.value)
        key, read = record.key, tuple(record.headers) if with_headers else None
        if _size(key, value, read) > LETTER_BYTES_MAX:
            # Rather a part of it buried than all of it in the way of the stream.
            read = None
            value, length, digest = cut_value(record.value, CUT_BYTES)
            key = key[:CUT_BYTES] if key else key
        letter = DeadLetter(
            key=key,
            value=value,
            value_length=length,
            value_sha256=digest,
            headers=read,
            topic=source.topic,
            partition=source.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            request_origin=request_origin,
            agent=self._seam.agent,
            version=self._seam.engine,
            kind=kind,
            code=code,
            reason=reason,
            at=format_ms(self._seam.clock.now_ms()),
        )
        headers = build_dead_letter_headers(letter)
        return Output(self._seam.dead_letters, key, value, headers)

    def count(self, letters: Sequence[Output]) -> None:
        """Count dead letters that the broker has acknowledged."""
        for letter in letters:
            # The last: a client may have sent headers of this name, ours stand behind its own.
            code = (dict(letter.headers)[_CODE] or b"").decode()
            DEAD_LETTERS_TOTAL.labels(self._seam.agent, code).inc()
            self.counts[code] += 1

    def bury_unreadable(self, source: TopicPartition, unreadable: Sequence[Record]) -> list[Output]:
        """Return the dead letters of records whose headers nobody could read."""
        return [
            self.bury(
                source,
                record,
                MessageError("unreadable_record", getattr(record, "reason", "unreadable")),
                with_headers=False,
            )
            for record in unreadable
        ]


def _size(key: bytes | None, value: bytes | None, headers: Headers | None) -> int:
    pairs = headers or ()
    in_headers = sum(len(name.encode()) + len(content or b"") for name, content in pairs)
    return len(key or b"") + len(value or b"") + in_headers


def _describe(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, MessageError):
        kind = "skip" if error.code == "skipped" else error.kind
        return kind, error.code, error.reason
    if isinstance(error, PipelineError):
        return error.kind, "internal_error", str(error)
    return (
        "bug",
        "internal_error",
        f"{type(error).__name__} in our code; its log line has the trace",
    )
