"""A connection that fails: nobody waits in it any longer, and nothing more is sent over it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from schemas.errors import DependencyError
from stream.batch import Output
from stream.publisher import Publisher
from tests.support.waiting import wait_until_async

ACK_TIMEOUT_S = 30.0
SOON_S = 2.0
TOPIC = "results"


class UnsentProducers:
    """Makes aiokafka's own producers, which keep what they are given: no broker is asked."""

    def __init__(self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        self._make = publisher._make_producer
        monkeypatch.setattr(publisher, "_make_producer", self._make_unsent)

    def _make_unsent(self) -> Any:
        producer = self._make()

        async def start() -> None:
            sender = asyncio.get_running_loop().create_task(asyncio.Event().wait())
            producer._sender._sender_task = sender

        async def find_partitions(_: str) -> set[int]:
            return {0, 1}

        producer.start = start
        producer.client._wait_on_metadata = find_partitions
        producer._metadata.partitions_for_topic = lambda _: {0, 1}
        self.made.append(producer)
        return producer

    def waiting(self) -> list[tuple[str, int]]:
        """Return the partitions for which a batch waits in the first producer."""
        return sorted(tuple(tp) for tp in self.made[0]._message_accumulator._batches)

    def fail(self, partition: int) -> None:
        """Let the batch that waits for `partition` fail."""
        [batch] = self.made[0]._message_accumulator._batches[TOPIC, partition]
        batch.future.set_exception(KafkaTimeoutError())


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    publisher = Publisher("h:9092", list, "u", ACK_TIMEOUT_S)  # type: ignore[arg-type]  # -- not called
    yield publisher
    await publisher.close()


@pytest.fixture
def producers(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> UnsentProducers:
    return UnsentProducers(publisher, monkeypatch)


def output(value: bytes) -> list[Output]:
    return [Output(TOPIC, None, value)]


async def until_it_waits_for_room(producers: UnsentProducers) -> None:
    await wait_until_async(
        lambda: producers.waiting() == [(TOPIC, 0), (TOPIC, 1)], what="batches to wait"
    )
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("end", ["failure", "close"])
async def test_who_waits_for_room_learns_at_once_that_the_connection_is_gone(
    publisher: Publisher, producers: UnsentProducers, end: str
) -> None:
    await publisher.open()
    first = await publisher.send(0, output(b"a"))
    other = await publisher.send(1, output(b"x"))
    waits = asyncio.ensure_future(publisher.send(0, output(b"b")))
    await until_it_waits_for_room(producers)
    assert not waits.done()

    if end == "close":
        await publisher.close()
    else:
        producers.fail(1)
    async with asyncio.timeout(SOON_S):
        sent = await waits
        found = await asyncio.gather(first, other, sent, return_exceptions=True)

    assert [type(it) for it in found] == [DependencyError] * 3


async def test_a_connection_that_is_gone_is_given_nothing_more(
    publisher: Publisher, producers: UnsentProducers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed while a publish of several batches asked for the partitions of its second topic."""
    await publisher.open()
    asked, answer = asyncio.Event(), asyncio.Event()
    find_partitions = publisher._partitions

    async def find_late(connection: Any, topic: str) -> int:
        if topic == "late":
            asked.set()
            with pytest.raises(asyncio.CancelledError):
                await answer.wait()  # told to go, it answers all the same
        return await find_partitions(connection, topic)

    monkeypatch.setattr(publisher, "_partitions", find_late)
    sending = asyncio.ensure_future(publisher.send(0, [*output(b"a"), Output("late", None, b"b")]))
    await asyncio.wait_for(asked.wait(), SOON_S)
    producers.fail(0)
    async with asyncio.timeout(SOON_S):
        [found] = await asyncio.gather(await sending, return_exceptions=True)

    assert isinstance(found, DependencyError)
    assert producers.waiting() == [(TOPIC, 0)]


async def test_what_waits_in_a_producer_that_failed_is_never_sent(
    publisher: Publisher, producers: UnsentProducers
) -> None:
    await publisher.open()
    sent = await publisher.send(0, output(b"a"))
    sender = producers.made[0]._sender.sender_task
    when_told: list[int] = []
    sent.add_done_callback(lambda _: when_told.append(sender.cancelling()))

    producers.fail(0)
    [found] = await asyncio.gather(sent, return_exceptions=True)
    await wait_until_async(sender.done)

    assert isinstance(found, DependencyError)
    assert when_told == [1]  # it was told to end before anybody can have published again
    assert producers.waiting() == [(TOPIC, 0)]
