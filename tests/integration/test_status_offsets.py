"""What `judgify status` learns from Kafka about a process that is down."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from judgify.status.committed import Broker
from judgify.status.snapshot import PartitionView
from tests.support.waiting import wait_until
from topics.publishing import publish
from topics.registry import REQUESTS, full_name

pytestmark = pytest.mark.services


@pytest.fixture
def committed(kafka_bootstrap: str, provisioned_topics: str) -> tuple[str, str]:
    """A group that committed offset 2 of 5 in one partition; (group, topic)."""
    topic, group = full_name(REQUESTS, provisioned_topics), f"{provisioned_topics}rule-agent"
    for number in range(5):
        publish(kafka_bootstrap, topic, b"k", str(number).encode(), partition=1)
    consumer = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 1, 2)], asynchronous=False)
    consumer.close()
    return group, topic


def fetch_behind(broker: Broker, group: str, topic: str) -> list[PartitionView]:
    """Ask until there is an answer: the broker of a busy machine may be late."""
    return wait_until(lambda: broker.fetch_behind(group, {topic: 12}), 30)


def test_a_process_that_is_down_is_measured_by_its_commits(
    kafka_bootstrap: str, committed: tuple[str, str]
) -> None:
    group, topic = committed
    broker = Broker(kafka_bootstrap)

    partitions = broker.fetch_partitions([topic, "no-such-topic"])
    behind = fetch_behind(broker, group, topic)

    assert partitions == {topic: 12}
    assert [view.lag_records for view in behind] == [0, 3] + [0] * 10
    assert behind[1].first_unfinished == 2


def test_a_group_that_never_committed_begins_where_the_log_does(
    kafka_bootstrap: str, committed: tuple[str, str]
) -> None:
    _, topic = committed

    behind = fetch_behind(Broker(kafka_bootstrap), "nobody", topic)

    assert behind[1].lag_records == 5


def test_an_absent_kafka_is_a_text_and_not_an_error() -> None:
    broker = Broker("127.0.0.1:1")

    assert isinstance(broker.fetch_partitions(["x"]), str)
    assert broker.fetch_behind("g", {"x": 1}) == []
