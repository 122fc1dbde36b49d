"""The hand-written loop: consume, judge, produce; every half second flush, then commit."""

import signal
import time
from collections import defaultdict
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from bench.peers.judging import (
    COMMIT_INTERVAL_S,
    POLL_RECORDS,
    Judge,
    Place,
    Record,
    read_place,
    tune_collector,
)

FLUSH_TIMEOUT_S = 30.0
IDLE_S = 0.1
REBALANCED = frozenset(
    {
        KafkaError._NO_OFFSET,  # noqa: SLF001 -- librdkafka's public local code
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
    }
)
"""A commit that came too late: the partitions are another worker's, who judges them again."""


class Loop:
    """One consumer, one producer, one thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._judge = Judge(place).judge
        self._failure: KafkaError | None = None
        self._stopping = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": place.bootstrap,
                "group.id": place.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "check.crcs": True,
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": place.bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": place.linger_ms,
                "queue.buffering.max.messages": 1_000_000,
                "delivery.report.only.error": True,
                "on_delivery": self._note,
            }
        )

    def stop(self, *_: object) -> None:
        self._stopping = True

    def run(self) -> None:
        """Judge until stopped; what is not acknowledged is not committed."""
        consumer, producer = self._consumer, self._producer
        consumer.subscribe([self._place.requests])
        due_s, consumed = time.monotonic() + COMMIT_INTERVAL_S, False
        while not self._stopping:
            messages = self._fetch()
            consumed = consumed or bool(messages)
            for partition, records in _by_partition(messages):
                self._produce(partition, records)
            producer.poll(0)
            if consumed and time.monotonic() > due_s:
                self._commit()
                due_s, consumed = time.monotonic() + COMMIT_INTERVAL_S, False
        if consumed:
            self._commit()
        consumer.close()

    def _fetch(self) -> list[Message]:
        """Return what is there, at once: `consume` with a timeout would wait for all 2,000."""
        first = self._consumer.poll(IDLE_S)
        return [] if first is None else [first, *self._consumer.consume(POLL_RECORDS - 1, 0)]

    def _produce(self, partition: int, records: list[Record]) -> None:
        produce = self._producer.produce
        for topic, key, value, headers in self._judge(partition, records):
            produce(topic, value, key, partition, headers=list(headers))

    def _commit(self) -> None:
        left = self._producer.flush(FLUSH_TIMEOUT_S)
        if left or self._failure is not None:
            raise SystemExit(f"{left} results are not acknowledged: {self._failure}")
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in REBALANCED:
                raise

    def _note(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = self._failure or error


def _by_partition(messages: Iterable[Message]) -> Iterable[tuple[int, list[Record]]]:
    slices: dict[int, list[Record]] = defaultdict(list)
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
        slices[message.partition()].append(
            Record(
                message.offset(),
                message.timestamp()[1],
                message.key(),
                message.value(),
                message.headers() or (),
            )
        )
    return slices.items()


if __name__ == "__main__":
    loop = Loop(read_place())
    signal.signal(signal.SIGTERM, loop.stop)
    tune_collector()
    loop.run()
