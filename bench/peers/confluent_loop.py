"""The hand-written loop: consume, judge, produce; every half second flush, then commit."""

import signal
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from agents.rule import RuleAgent
from bench.peers.judging import (
    COMMIT_INTERVAL_S,
    POLL_RECORDS,
    Place,
    open_agent,
    read_place,
    tune_collector,
)
from schemas.errors import MessageError
from stream.batch import Batch, Output

FLUSH_TIMEOUT_S = 30.0


class _Record(NamedTuple):
    """A message as the judge reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


class Loop:
    """One consumer, one producer, one thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._agent: RuleAgent = open_agent(place.workflow, place.results)
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
                "linger.ms": 5,
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
            messages = consumer.consume(POLL_RECORDS, 0.1)
            consumed = consumed or bool(messages)
            for partition, records in _by_partition(messages):
                self._judge(partition, records)
            producer.poll(0)
            if consumed and time.monotonic() > due_s:
                self._commit()
                due_s, consumed = time.monotonic() + COMMIT_INTERVAL_S, False
        if consumed:
            self._commit()
        consumer.close()

    def _judge(self, partition: int, records: list[_Record]) -> None:
        produce = self._producer.produce
        decider = self._agent.open_batch(Batch(self._place.requests, partition, records))
        for record in records:
            try:
                output = decider.decide(record)
            except MessageError:
                output = Output(self._place.dead_letters, record.key, record.value)
            headers = list(output.headers)
            produce(output.topic, output.value, output.key, partition, headers=headers)

    def _commit(self) -> None:
        left = self._producer.flush(FLUSH_TIMEOUT_S)
        if left or self._failure is not None:
            raise SystemExit(f"{left} results are not acknowledged: {self._failure}")
        self._consumer.commit(asynchronous=False)

    def _note(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = self._failure or error


def _by_partition(messages: Iterable[Message]) -> Iterable[tuple[int, list[_Record]]]:
    slices: dict[int, list[_Record]] = defaultdict(list)
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
        slices[message.partition()].append(
            _Record(
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
