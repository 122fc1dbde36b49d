"""A stand-in for rule-agent: judges by a function given by the test, without any workflow.

For tests of what sends requests and reads outcomes; those of the whole system run the real one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from runtime.clock import format_ms
from schemas.dead_letter import DeadLetter
from schemas.decode import ParsedRequest, parse_request
from schemas.errors import MessageError
from tests.support.builders import make_judgment
from topics.clients import open_consumer, open_producer
from topics.headers import build_dead_letter_headers, origin_text
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, full_name

Judge = Callable[[ParsedRequest], dict[str, object]]
"""Returns the fields of the judgment that the test is about."""
FLUSH_TIMEOUT_S = 10.0
JOIN_TIMEOUT_S = 20.0


@contextmanager
def run_stand_in(bootstrap: str, prefix: str, judge: Judge) -> Iterator[None]:
    """Judge the requests under `prefix` from the beginning, until the block ends."""
    stop = threading.Event()
    agent = _StandIn(bootstrap, prefix, judge)
    thread = threading.Thread(target=agent.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(JOIN_TIMEOUT_S)


class _StandIn:
    def __init__(self, bootstrap: str, prefix: str, judge: Judge) -> None:
        self._prefix = prefix
        self._judge = judge
        self._consumer: Consumer = open_consumer(bootstrap, **{"enable.partition.eof": False})
        self._producer: Producer = open_producer(bootstrap)
        self._consumer.assign(
            [
                TopicPartition(full_name(REQUESTS, prefix), partition, 0)
                for partition in range(REQUESTS.partitions_local)
            ]
        )

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for record in self._consumer.consume(500, 0.1):
                if record.error() is None:
                    self._answer(record)
            self._producer.flush(FLUSH_TIMEOUT_S)
        self._consumer.close()

    def _answer(self, record: Message) -> None:
        partition, offset = record.partition() or 0, record.offset() or 0
        timestamp = record.timestamp()[1]
        origin = {
            "topic": record.topic() or "",
            "partition": partition,
            "offset": offset,
            "timestamp": timestamp,
        }
        try:
            request = parse_request(record.value())
        except MessageError as error:
            self._bury(record, origin_text(*origin.values()), error)  # type: ignore[arg-type]  # -- its four fields
            return
        identity = {
            "request_id": request.request_id or f"{partition}-{offset}",
            "tenant": request.tenant,
            "workflow_id": request.workflow_id,
            "input_data": request.input_data,
            "test": request.test,
            "requested_at": format_ms(timestamp),
            "origin": origin,
        }
        judgment = make_judgment(**(identity | self._judge(request)))
        topic = full_name(RESULTS, self._prefix)
        value = judgment.model_dump_json()
        self._producer.produce(topic, value, record.key(), partition=partition)

    def _bury(self, record: Message, origin: str, error: MessageError) -> None:
        letter = DeadLetter(
            key=record.key(),
            value=record.value(),
            headers=(),
            topic=record.topic() or "",
            partition=record.partition() or 0,
            offset=record.offset() or 0,
            timestamp=record.timestamp()[1],
            request_origin=origin,
            agent="stand-in",
            version="0",
            kind=error.kind,
            code=error.code,
            reason=error.reason,
            at="2025-06-15T15:06:40.000Z",
        )
        headers: dict[str, str | bytes | None] = dict(build_dead_letter_headers(letter))
        topic = full_name(DEAD_LETTERS, self._prefix)
        self._producer.produce(topic, record.value(), record.key(), headers=headers)
