"""Results as they arrive: each with the monotonic time at which an observer had it in hand."""

import time
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from topics.clients import open_consumer

FETCH_RECORDS: Final = 2_000
LOOK_S: Final = 0.05


class Arrival(NamedTuple):
    """One result."""

    request_id: str
    arrived_s: float
    """By the observer's monotonic clock."""
    requested_ms: int
    """The broker's time of the request."""
    resulted_ms: int
    """The broker's time of the result."""


class Receiver:
    """Reads a topic from its present end; does nothing per record but note the time."""

    def __init__(self, bootstrap: str, topic: str, ends: list[int]) -> None:
        self._consumer = open_consumer(bootstrap, **{"fetch.wait.max.ms": 100})
        places = [TopicPartition(topic, number, end) for number, end in enumerate(ends)]
        self._consumer.assign(places)
        self._batches: list[tuple[float, list[Any]]] = []
        self.count = 0

    def receive(self) -> None:
        """Take what has arrived, waiting for the first a moment."""
        first = self._consumer.poll(LOOK_S)
        if first is None:
            return
        messages = [first, *self._consumer.consume(FETCH_RECORDS, 0)]
        self._batches.append((time.monotonic(), messages))
        self.count += sum(message.error() is None for message in messages)

    def close(self) -> list[Arrival]:
        """Stop reading, and return what has arrived.

        Raises:
            KafkaException: the broker refused.
        """
        return [_read(message, arrived_s) for message, arrived_s in self.close_raw()]

    def close_raw(self) -> list[tuple[Any, float]]:
        """As `close`, but return the messages themselves, each with its time."""
        self._consumer.close()
        return [
            (message, arrived_s)
            for arrived_s, messages in self._batches
            for message in messages
            if not _is_end(message.error())
        ]


def _is_end(error: KafkaError | None) -> bool:
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
        return True
    raise KafkaException(error)


def _read(message: Any, arrived_s: float) -> Arrival:
    judgment = orjson.loads(message.value())
    requested_ms = judgment["origin"]["timestamp"]
    return Arrival(judgment["request_id"], arrived_s, requested_ms, message.timestamp()[1])
