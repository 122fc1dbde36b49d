"""Publishing: acknowledged by the broker, all of it, or a new producer and an error for everybody."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from runtime.metrics import REGISTRY
from schemas.errors import DependencyError
from stream import publisher as publisher_module
from stream.batch import Output
from stream.publisher import Publisher
from tests.support.waiting import wait_until_async

PARTITIONS = {"results": 12, "dead": 6}
BATCH_BYTES = 1_000
ACK_MS = 1_750_000_000_123


class FakeProducer:
    """Implements what the publisher asks of an aiokafka producer; batches are aiokafka's own."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[Any]]] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.acknowledges = True
        self.start_error: Exception | None = None
        self.send_error: Exception | None = None
        self.closed = 0
        self.client = SimpleNamespace(close=self.close_client)
        self._sender = SimpleNamespace(sender_task=None)

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error
        sender = asyncio.get_running_loop().create_task(asyncio.Event().wait())
        self._sender.sender_task = sender

    async def close_client(self) -> None:
        self.closed += 1

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(PARTITIONS[topic]))

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(
        self, builder: BatchBuilder, topic: str, *, partition: int
    ) -> "asyncio.Future[Any]":
        if self.send_error is not None:
            raise self.send_error
        assert builder._closed
        records = MemoryRecords(bytes(builder._build()))
        self.sent.append((topic, partition, list(records.next_batch())))
        future = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        if self.acknowledges:
            acknowledge(future)
        return future

    def values(self, topic: str) -> list[bytes]:
        return [it.value for name, _, records in self.sent if name == topic for it in records]


def acknowledge(future: "asyncio.Future[Any]", timestamp_ms: int = ACK_MS) -> None:
    future.set_result(SimpleNamespace(timestamp=timestamp_ms))


class Bench:
    """A publisher whose producers are made here, one after the other."""

    def __init__(self) -> None:
        self.observed: list[int] = []
        self.made: list[FakeProducer] = []
        self.acknowledges = True
        self.start_errors: list[Exception] = []
        self.publisher = Publisher("h:9092", self.observed.append, "u", ack_timeout_s=5.0)

    def make_producer(self) -> FakeProducer:
        producer = FakeProducer()
        producer.acknowledges = self.acknowledges
        producer.start_error = self.start_errors.pop(0) if self.start_errors else None
        self.made.append(producer)
        return producer

    async def wait_for_sends(self, count: int) -> None:
        await wait_until_async(lambda: self.made and len(self.made[0].futures) >= count)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr(bench.publisher, "_make_producer", bench.make_producer)
    return bench


def results(*values: bytes) -> list[Output]:
    return [Output("results", b"k", value, [("h", b"1"), ("n", None)]) for value in values]


def is_up() -> float | None:
    return REGISTRY.get_sample_value("dependency_up", {"name": "kafka"})


async def outcomes(*publishes: "asyncio.Future[Any]") -> Sequence[Any]:
    async with asyncio.timeout(5):
        return await asyncio.gather(*publishes, return_exceptions=True)


async def test_outputs_go_in_order_to_the_partition_of_their_input(bench: Bench) -> None:
    await bench.publisher.publish(7, results(b"a", b"b", b"c"))

    [(topic, partition, records)] = bench.made[0].sent
    assert (topic, partition) == ("results", 7)
    assert [(it.key, it.value) for it in records] == [(b"k", b"a"), (b"k", b"b"), (b"k", b"c")]
    assert [list(it.headers) for it in records] == [[("h", b"1"), ("n", None)]] * 3


async def test_a_topic_with_fewer_partitions_takes_the_number_modulo_theirs(bench: Bench) -> None:
    await bench.publisher.publish(7, [*results(b"a"), Output("dead", None, b"x")])

    assert {(topic, number) for topic, number, _ in bench.made[0].sent} == {
        ("results", 7),
        ("dead", 1),
    }


async def test_a_batch_that_is_full_is_followed_by_another(bench: Bench) -> None:
    values = [b"%d" % number * 300 for number in range(9)]

    await bench.publisher.publish(0, results(*values))

    assert len(bench.made[0].sent) > 3
    assert bench.made[0].values("results") == values


async def test_a_record_larger_than_a_batch_travels_alone(bench: Bench) -> None:
    values = [b"a", b"B" * (BATCH_BYTES * 3), b"c"]

    await bench.publisher.publish(0, results(*values))

    assert bench.made[0].values("results") == values


async def test_a_letter_without_key_and_value_is_published(bench: Bench) -> None:
    await bench.publisher.publish(0, [Output("dead", None, None, [("h", b"1")])])

    [(_, _, [record])] = bench.made[0].sent
    assert (record.key, record.value, list(record.headers)) == (None, None, [("h", b"1")])


async def test_nothing_to_publish_needs_no_broker(bench: Bench) -> None:
    await bench.publisher.publish(0, [])

    assert bench.made == []


async def test_it_is_published_when_every_batch_is_acknowledged(bench: Bench) -> None:
    bench.acknowledges = False
    publish = asyncio.ensure_future(
        bench.publisher.publish(0, [*results(b"a"), Output("dead", None, b"x")])
    )
    await bench.wait_for_sends(2)
    first, second = bench.made[0].futures

    acknowledge(second)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    after_one = publish.done()
    acknowledge(first, ACK_MS + 1)
    await outcomes(publish)

    assert not after_one
    assert publish.result() is None
    assert bench.observed == [ACK_MS, ACK_MS + 1]
    assert len(bench.made) == 1


@pytest.mark.parametrize("error", [KafkaTimeoutError(), ValueError("whatever it is")])
async def test_one_refusal_fails_everybody_who_waits_and_replaces_the_producer(
    bench: Bench, error: Exception
) -> None:
    bench.acknowledges = False
    publishes = [
        asyncio.ensure_future(bench.publisher.publish(number, results(b"%d" % number)))
        for number in range(3)
    ]
    await bench.wait_for_sends(3)

    bench.made[0].futures[1].set_exception(error)
    found = await outcomes(*publishes)
    while_down = is_up()
    bench.acknowledges = True
    await bench.publisher.publish(0, results(b"again"))

    assert [type(it) for it in found] == [DependencyError] * 3
    assert all(type(error).__name__ in str(it) for it in found)
    assert (while_down, is_up()) == (0.0, 1.0)
    assert [producer.closed for producer in bench.made] == [1, 0]
    assert bench.made[1].values("results") == [b"again"]
    await bench.publisher.close()


async def test_a_send_that_fails_replaces_the_producer(bench: Bench) -> None:
    await bench.publisher.open()
    bench.made[0].send_error = ConnectionResetError()

    with pytest.raises(DependencyError, match="ConnectionResetError"):
        await bench.publisher.publish(0, results(b"a"))
    await bench.publisher.publish(0, results(b"a"))

    assert len(bench.made) == 2


async def test_a_send_that_is_cancelled_by_its_producer_is_a_failure(bench: Bench) -> None:
    bench.acknowledges = False
    publish = asyncio.ensure_future(bench.publisher.publish(0, results(b"a")))
    await bench.wait_for_sends(1)

    bench.made[0].futures[0].cancel()
    [found] = await outcomes(publish)

    assert isinstance(found, DependencyError)


async def test_silence_beyond_the_limit_is_a_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.acknowledges = False
    monkeypatch.setattr(bench.publisher, "_ack_timeout_s", 0.01)

    with pytest.raises(DependencyError, match="TimeoutError"):
        await asyncio.wait_for(bench.publisher.publish(0, results(b"a")), 5)

    await wait_until_async(lambda: bench.made[0].closed)


async def test_an_acknowledgement_that_comes_too_late_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.acknowledges = False
    monkeypatch.setattr(bench.publisher, "_ack_timeout_s", 0.01)
    with pytest.raises(DependencyError):
        await bench.publisher.publish(0, results(b"a"))

    acknowledge(bench.made[0].futures[0])
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert bench.observed == []


async def test_who_publishes_at_the_same_time_shares_one_connection(bench: Bench) -> None:
    await asyncio.gather(*(bench.publisher.publish(n, results(b"a")) for n in range(4)))

    assert len(bench.made) == 1


async def test_a_broker_that_does_not_answer_is_asked_anew_with_the_next_call(
    bench: Bench,
) -> None:
    bench.start_errors = [OSError("refused")]

    with pytest.raises(DependencyError, match="OSError: refused"):
        await bench.publisher.open()
    down = is_up()
    await bench.publisher.open()

    assert (down, is_up()) == (0.0, 1.0)
    assert len(bench.made) == 2


async def test_a_start_that_takes_too_long_is_a_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "START_TIMEOUT_S", 0.01)
    monkeypatch.setattr(FakeProducer, "start", lambda _self: asyncio.Event().wait())

    with pytest.raises(DependencyError, match="TimeoutError"):
        await asyncio.wait_for(bench.publisher.open(), 5)


async def test_closing_fails_who_waits_and_stops_the_producer(bench: Bench) -> None:
    bench.acknowledges = False
    publish = asyncio.ensure_future(bench.publisher.publish(0, results(b"a")))
    await bench.wait_for_sends(1)

    await bench.publisher.close()
    [found] = await outcomes(publish)
    await bench.publisher.close()

    assert isinstance(found, DependencyError)
    assert "we are stopping" in str(found)
    assert bench.made[0].closed >= 1


async def test_a_producer_that_does_not_stop_is_left_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "CLOSE_TIMEOUT_S", 0.01)
    monkeypatch.setattr(FakeProducer, "close_client", lambda _self: asyncio.Event().wait())
    await bench.publisher.open()

    async with asyncio.timeout(5):
        await bench.publisher.close()

    assert bench.publisher._connection is None


async def test_the_real_producer_waits_for_all_replicas_and_never_doubles() -> None:
    producer = Publisher("h:9092", list, "u", ack_timeout_s=7.0)._make_producer()  # type: ignore[arg-type]  # -- not called

    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    assert producer._request_timeout_ms == 7_000
    await producer.stop()


async def test_what_is_sent_waits_for_nothing_and_tells_when_it_has_arrived(bench: Bench) -> None:
    bench.acknowledges = False
    await bench.publisher.open()

    first = await bench.publisher.send(0, results(b"a"))
    second = await bench.publisher.send(0, results(b"b"))
    before = (first.done(), second.done())
    for future in bench.made[0].futures:
        acknowledge(future)
    await outcomes(first, second)

    assert before == (False, False)
    assert (first.exception(), second.exception()) == (None, None)
    assert bench.made[0].values("results") == [b"a", b"b"]


async def test_one_failure_fails_everything_sent_on_the_same_connection(bench: Bench) -> None:
    bench.acknowledges = False
    await bench.publisher.open()
    first = await bench.publisher.send(0, results(b"a"))
    second = await bench.publisher.send(1, results(b"b"))

    bench.made[0].futures[0].set_exception(KafkaTimeoutError())
    found = await outcomes(first, second)

    assert [type(it) for it in found] == [DependencyError, DependencyError]
    with pytest.raises(DependencyError, match="not connected"):
        _ = await bench.publisher.send(0, results(b"c"))
    assert len(bench.made) == 1


async def test_a_send_that_was_given_up_costs_nobody_the_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publisher = Publisher("h:9092", bench.observed.append, "u", ack_timeout_s=0.05)
    monkeypatch.setattr(bench.publisher, "_make_producer", bench.make_producer)
    await bench.publisher.open()
    producer, stuck = bench.made[0], asyncio.Event()
    send_batch = producer.send_batch
    monkeypatch.setattr(producer, "send_batch", lambda *_, **__: stuck.wait())
    given_up = asyncio.ensure_future(bench.publisher.send(0, results(b"a")))
    await asyncio.sleep(0)

    given_up.cancel()
    await outcomes(given_up)
    monkeypatch.setattr(producer, "send_batch", send_batch)
    await asyncio.sleep(0.1)  # longer than silence may last
    await bench.publisher.publish(0, results(b"b"))

    assert len(bench.made) == 1
    assert bench.made[0].values("results") == [b"b"]
