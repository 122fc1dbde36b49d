"""Publishing to a real broker over a connection that comes and goes: the order per partition holds."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from schemas.errors import DependencyError
from stream.batch import Output
from stream.publisher import Publisher
from tests.support.kafka_link import KafkaLink, open_link
from tests.support.messages import read_topic
from tests.support.topics import create_registered
from tests.support.waiting import wait_until_async
from topics.registry import RESULTS

ACK_TIMEOUT_S = 1.0
VALUES = [b"a", b"b", b"c", b"d"]


@pytest.fixture
def link(kafka_bootstrap: str) -> Iterator[KafkaLink]:
    with open_link(kafka_bootstrap) as link:
        yield link


@pytest.fixture
async def publisher(link: KafkaLink) -> AsyncIterator[Publisher]:
    publisher = Publisher(link.bootstrap, lambda _: None, "u", ACK_TIMEOUT_S)
    yield publisher
    await publisher.close()


async def test_a_producer_that_was_replaced_sends_nothing_beside_the_new_one(
    kafka_bootstrap: str, topic_prefix: str, link: KafkaLink, publisher: Publisher
) -> None:
    topic = create_registered(kafka_bootstrap, topic_prefix, RESULTS)
    await publisher.publish(0, [Output(topic, None, b"before")])
    link.cut()
    sending = [
        asyncio.ensure_future(publisher.send(0, [Output(topic, None, value)])) for value in VALUES
    ]
    async with asyncio.timeout(10 * ACK_TIMEOUT_S):
        receipts = await asyncio.gather(*sending)
        failures = await asyncio.gather(*receipts, return_exceptions=True)

    link.mend()
    for value in VALUES:
        async with asyncio.timeout(20):
            await _publish_until_it_arrives(publisher, Output(topic, None, value))
    await wait_until_async(lambda: not publisher._closing.count(), what="the old one to be closed")

    arrived = [it.value() for it in read_topic(kafka_bootstrap, topic) if it.partition() == 0]
    assert [type(it) for it in failures] == [DependencyError] * len(VALUES)
    assert list(dict.fromkeys(arrived)) == [b"before", *VALUES]
    # What was on its way may arrive a second time; what waited behind it may not.
    assert [arrived.count(value) for value in VALUES[1:]] == [1] * (len(VALUES) - 1)


async def _publish_until_it_arrives(publisher: Publisher, output: Output) -> None:
    while True:
        try:
            await publisher.publish(0, [output])
        except DependencyError:
            await asyncio.sleep(0.01)
        else:
            return
