"""Looking into a topic: its newest records, or those from an offset on, as they stand there."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas.errors import FatalError
from topics.clients import find_bounds, open_consumer, refused, require_topic
from topics.registry import FOREIGN, TOPICS, full_name

TIMEOUT_S: Final = 10.0
"""Longest wait for one answer, and for all records together."""
RECORDS_MAX: Final = 1_000
"""Most records of one look."""

_POLL_S: Final = 0.1
_FETCH_WAIT_MS: Final = 50

_Headers = Iterable[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Peeked:
    """A record as it stands in the log."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Broker time, ms since the epoch."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] | None
    """None: not read, because outsiders write to this topic (`topics.registry.FOREIGN`)."""


def find_topic(name: str, prefix: str) -> str:
    """Return the full name of the topic meant by `requests`, `requests.v1` or its full name."""
    for spec in TOPICS:
        if name in {spec.name, spec.name.rpartition(".")[0]}:
            return full_name(spec, prefix)
    return name


def peek_newest(
    bootstrap: str, prefix: str, topic: str, partition: int | None, count: int
) -> list[Peeked]:
    """Return the `count` newest records of `topic` or of one `partition`, oldest first.

    Raises:
        FatalError: there is no such partition.
        DependencyError: Kafka does not answer, or there is no such topic.
    """
    with _Look(bootstrap, prefix, topic) as look:
        wanted = look.partitions() if partition is None else [look.require(partition)]
        bounds = [look.find_bounds(number) for number in wanted]
        starts = [
            TopicPartition(topic, number, max(low, high - count))
            for number, (low, high) in zip(wanted, bounds, strict=True)
            if low < high
        ]
        found = look.read(starts, count * len(starts))
    return sorted(found, key=lambda record: (record.timestamp_ms, record.offset))[-count:]


def peek_at(
    bootstrap: str, prefix: str, topic: str, place: tuple[int, int], count: int
) -> list[Peeked]:
    """Return up to `count` records of a partition from an offset on; `place` names both.

    Raises:
        FatalError: there is no such partition, or the offset is not in the log.
        DependencyError: Kafka does not answer, or there is no such topic.
    """
    partition, offset = place
    with _Look(bootstrap, prefix, topic) as look:
        look.require_offset(partition, offset)
        return look.read([TopicPartition(topic, partition, offset)], count)


def require_record(bootstrap: str, topic: str, partition: int, offset: int) -> None:
    """Make sure that there is such a record.

    Raises:
        FatalError: there is no such partition, or the offset is not in the log.
        DependencyError: Kafka does not answer, or there is no such topic.
    """
    with _Look(bootstrap, "", topic) as look:
        look.require_offset(partition, offset)


class _Look:
    """One look into one topic; a context manager."""

    def __init__(self, bootstrap: str, prefix: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._consumer: Consumer = open_consumer(bootstrap, **{"fetch.wait.max.ms": _FETCH_WAIT_MS})
        own = {full_name(spec, prefix) for spec in TOPICS if spec.name not in FOREIGN}
        self._reads_headers = topic in own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def partitions(self) -> list[int]:
        return list(range(require_topic(self._consumer, self._bootstrap, self._topic, TIMEOUT_S)))

    def require(self, partition: int) -> int:
        count = len(self.partitions())
        if partition >= count:
            raise FatalError(f"{self._topic} has partitions 0 to {count - 1}, not {partition}")
        return partition

    def require_offset(self, partition: int, offset: int) -> None:
        low, high = self.find_bounds(self.require(partition))
        if not low <= offset < high:
            held = f"it holds {low} to {high - 1}" if low < high else "it is empty"
            raise FatalError(f"offset {offset} is not in {self._topic}/{partition}: {held}")

    def find_bounds(self, partition: int) -> tuple[int, int]:
        """Return the first offset of the log and the one after its last."""
        place = TopicPartition(self._topic, partition)
        return find_bounds(self._consumer, self._bootstrap, place, TIMEOUT_S)

    def read(self, starts: Sequence[TopicPartition], count: int) -> list[Peeked]:
        """Return up to `count` records from `starts` to the present ends of their partitions."""
        found: list[Peeked] = []
        unfinished = {place.partition for place in starts}
        self._consumer.assign(list(starts))
        deadline_s = time.monotonic() + TIMEOUT_S
        while unfinished and len(found) < count and time.monotonic() < deadline_s:
            for message in self._consumer.consume(count - len(found), _POLL_S):
                if self._is_end(message):
                    unfinished.discard(message.partition() or 0)
                else:
                    found.append(self._peeked(message))
        return found

    def _is_end(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
            return True
        raise refused(self._bootstrap, f"reading {self._topic}", error)

    def _peeked(self, message: Message) -> Peeked:
        headers = cast("_Headers", message.headers() or ()) if self._reads_headers else None
        return Peeked(
            topic=self._topic,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            timestamp_ms=message.timestamp()[1],
            key=message.key(),
            value=message.value(),
            headers=None if headers is None else tuple(headers),
        )
