"""Publishing one record and waiting for the broker: for commands, never for the hot path."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from schemas.errors import DependencyError, MessageError
from topics.clients import DEPENDENCY, ask, open_producer, refused, require_topic
from topics.registry import RECORD_BYTES_MAX

DELIVERY_TIMEOUT_S: Final = 15.0
"""Longest wait for the acknowledgement, retries included."""
LOOKUP_TIMEOUT_S: Final = 10.0
PARTITION_BY_KEY: Final = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: its partitioner chooses."""

_SILENCE_S: Final = 5.0
"""How much longer than the delivery timeout we wait for its report."""
_OVERHEAD_BYTES: Final = 512
"""Room for the batch around the record."""

Headers = Sequence[tuple[str, bytes]]


class Published(NamedTuple):
    """Where the broker put a record, and when by its own clock."""

    partition: int
    offset: int
    timestamp_ms: int


def publish(  # noqa: PLR0913 -- what a record is made of
    bootstrap: str,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers = (),
    *,
    partition: int | None = None,
) -> Published:
    """Publish a record and return where it stands once every replica has it.

    Raises:
        MessageError: the record is larger than any topic takes; nothing was sent.
        DependencyError: not acknowledged in time; it may be in the log all the same.
    """
    _check_size(topic, key, value, headers)
    producer = open_producer(bootstrap, **{"delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000)})
    require_topic(producer, bootstrap, topic, LOOKUP_TIMEOUT_S)
    return _send(producer, bootstrap, topic, (key, value, headers, partition))


_Parts = tuple[bytes | None, bytes | None, Headers, int | None]


def _send(producer: Producer, bootstrap: str, topic: str, parts: _Parts) -> Published:
    reports: list[tuple[KafkaError | None, Message]] = []
    key, value, headers, partition = parts
    what = f"publishing to {topic}"

    def produce() -> None:
        producer.produce(
            topic,
            value=value,
            key=key,
            partition=PARTITION_BY_KEY if partition is None else partition,
            headers=list(headers),
            on_delivery=lambda error, message: reports.append((error, message)),
        )

    ask(bootstrap, what, produce)
    producer.flush(DELIVERY_TIMEOUT_S + _SILENCE_S)
    if not reports:
        raise DependencyError(DEPENDENCY, f"{what} at {bootstrap}: no answer; try again")
    error, message = reports[0]
    if error is not None:
        raise refused(bootstrap, what, error)
    return Published(message.partition() or 0, message.offset() or 0, message.timestamp()[1])


def _check_size(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
    parts = [key or b"", value or b"", *(name.encode() + content for name, content in headers)]
    size = sum(map(len, parts))
    if size > RECORD_BYTES_MAX - _OVERHEAD_BYTES:
        raise MessageError(
            "too_large", f"{size} bytes for {topic}; a record holds {RECORD_BYTES_MAX} at most"
        )
