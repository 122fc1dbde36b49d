"""Publishing for commands: what is returned is where the record stands, and when by the broker."""

import pytest
from confluent_kafka import TopicPartition

from schemas.errors import DependencyError, MessageError
from tests.support.topics import create_registered
from topics import publishing
from topics.clients import open_consumer
from topics.publishing import publish
from topics.registry import CONTROL, RECORD_BYTES_MAX

pytestmark = pytest.mark.services


def test_what_was_published_stands_where_the_answer_says(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    topic = create_registered(kafka_bootstrap, topic_prefix, CONTROL)
    publish(kafka_bootstrap, topic, b"k", b"first")

    told = publish(kafka_bootstrap, topic, b"k", None, [("h", b"\xff")])

    consumer = open_consumer(kafka_bootstrap)
    consumer.assign([TopicPartition(topic, told.partition, told.offset)])
    (message,) = consumer.consume(1, 10)
    consumer.close()
    assert (message.offset(), message.key(), message.value()) == (1, b"k", None)
    assert message.headers() == [("h", b"\xff")]
    assert message.timestamp()[1] == told.timestamp_ms


def test_a_topic_that_does_not_exist_is_named_at_once_and_not_created(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    for _ in range(2):
        with pytest.raises(DependencyError, match=f"{topic_prefix}nope.*judgify topics create"):
            publish(kafka_bootstrap, f"{topic_prefix}nope", b"k", b"v")


def test_a_record_over_the_limit_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(MessageError, match="too_large"):
        publish("127.0.0.1:1", "t", b"k", bytes(RECORD_BYTES_MAX))


def test_the_largest_record_is_taken(kafka_bootstrap: str, topic_prefix: str) -> None:
    topic = create_registered(kafka_bootstrap, topic_prefix, CONTROL)
    largest = bytes(RECORD_BYTES_MAX - publishing._OVERHEAD_BYTES - 1)

    assert publish(kafka_bootstrap, topic, b"k", largest).offset == 0


def test_an_absent_broker_is_a_dependency_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LOOKUP_TIMEOUT_S", 0.5)

    with pytest.raises(DependencyError, match=r"kafka: .*127\.0\.0\.1:1"):
        publish("127.0.0.1:1", "t", b"k", b"v")
