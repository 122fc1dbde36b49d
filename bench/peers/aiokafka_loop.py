"""The same loop on aiokafka: getmany, judge, send_batch; every half second await, then commit."""

import asyncio
import signal
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.peers.judging import (
    COMMIT_INTERVAL_S,
    POLL_RECORDS,
    Judge,
    Place,
    read_place,
    tune_collector,
)
from stream.batch import Output

IN_FLIGHT_MAX = 64
"""Batches sent and not acknowledged."""


async def run(place: Place) -> None:
    """Judge until SIGTERM; what is not acknowledged is not committed."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    judge = Judge(place).judge
    consumer = AIOKafkaConsumer(
        place.requests,
        bootstrap_servers=place.bootstrap,
        group_id=place.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2_200_000,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=place.bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=1_000_000,
        max_request_size=2_097_152,
    )
    await consumer.start()
    await producer.start()
    tune_collector()
    sent: list[asyncio.Future[Any]] = []
    due_s, consumed = time.monotonic() + COMMIT_INTERVAL_S, False
    while not stop.is_set():
        fetched = await consumer.getmany(timeout_ms=100, max_records=POLL_RECORDS)
        consumed = consumed or bool(fetched)
        for tp, records in fetched.items():
            sent += await _send(producer, tp.partition, judge(tp.partition, records))
        is_due = consumed and time.monotonic() > due_s
        if is_due or len(sent) > IN_FLIGHT_MAX:
            await asyncio.gather(*sent)
            sent.clear()
        if is_due:
            await consumer.commit()
            due_s, consumed = time.monotonic() + COMMIT_INTERVAL_S, False
    await asyncio.gather(*sent)
    await producer.stop()
    await consumer.commit()
    await consumer.stop()


async def _send(
    producer: AIOKafkaProducer, partition: int, outputs: list[Output]
) -> list["asyncio.Future[Any]"]:
    closed: list[tuple[str, Any]] = []
    builders: dict[str, Any] = {}
    for topic, key, value, headers in outputs:
        builder = builders.get(topic)
        if builder is None:
            builder = builders[topic] = producer.create_batch()
        fields = {"key": key, "value": value, "headers": list(headers)}
        if builder.append(timestamp=None, **fields) is None:
            closed.append((topic, builder))
            builder = builders[topic] = producer.create_batch()
            builder.append(timestamp=None, **fields)
    return [
        await producer.send_batch(builder, topic, partition=partition)
        for topic, builder in (*closed, *builders.items())
    ]


if __name__ == "__main__":
    asyncio.run(run(read_place()))
