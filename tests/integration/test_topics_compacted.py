"""The reader of compacted topics: nothing is missed, and it never claims to be fresher than it is."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from schemas.errors import DependencyError, MessageError
from tests.support.kafka_link import open_link
from tests.support.topics import create_topic
from tests.support.waiting import wait_until
from topics.compacted import FAILURES_MAX, CompactedReader
from topics.publishing import publish

pytestmark = pytest.mark.services

FRESH_S = 1.0
"""What agents demand of the confirmed age."""

Seen = list[tuple[bytes, bytes | None]]


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}state"
    create(kafka_bootstrap, name)
    return name


def create(bootstrap: str, name: str, partitions: int = 1) -> None:
    create_topic(bootstrap, name, partitions, {"cleanup.policy": "compact"})


@contextmanager
def reading(
    bootstrap: str, topic: str, apply: Callable[[bytes, bytes | None], None]
) -> Iterator[CompactedReader]:
    reader = CompactedReader(bootstrap, topic, lambda key, value, _time, _at: apply(key, value))
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def wait_for_next_confirmation(reader: CompactedReader, last_s: float) -> float:
    wait_until(lambda: reader._confirmed_s != last_s, what="another confirmation")
    return reader._confirmed_s


def collect(seen: Seen) -> Callable[[bytes, bytes | None], None]:
    return lambda key, value: seen.append((key, value))


def test_everything_published_before_and_after_the_start_is_applied_in_order(
    kafka_bootstrap: str, topic: str
) -> None:
    publish(kafka_bootstrap, topic, b"a", b"1")
    publish(kafka_bootstrap, topic, b"a", None)
    seen: Seen = []

    with reading(kafka_bootstrap, topic, collect(seen)) as reader:
        assert reader.wait_caught_up(10)
        assert seen == [(b"a", b"1"), (b"a", None)]
        publish(kafka_bootstrap, topic, b"b", b"2")
        wait_until(lambda: (b"b", b"2") in seen, FRESH_S, what="the third record")


def test_an_empty_topic_is_confirmed(kafka_bootstrap: str, topic: str) -> None:
    with reading(kafka_bootstrap, topic, lambda _key, _value: None) as reader:
        assert reader.confirmed_age_s() == inf
        reader.require_caught_up(10)
        wait_until(lambda: reader.confirmed_age_s() < FRESH_S, what="a fresh confirmation")


def test_the_end_is_confirmed_at_least_three_times_a_second(
    kafka_bootstrap: str, topic: str
) -> None:
    with reading(kafka_bootstrap, topic, lambda _key, _value: None) as reader:
        reader.require_caught_up(10)
        first_s = last_s = reader._confirmed_s
        for _ in range(9):
            last_s = wait_for_next_confirmation(reader, last_s)

        assert last_s - first_s < 3


def test_what_is_not_applied_yet_is_not_confirmed(kafka_bootstrap: str, topic: str) -> None:
    publish(kafka_bootstrap, topic, b"a", b"1")
    release = threading.Event()

    def apply(_key: bytes, _value: bytes | None) -> None:
        release.wait(20)

    with reading(kafka_bootstrap, topic, apply) as reader:
        try:
            assert not reader.wait_caught_up(1)
            assert reader.confirmed_age_s() == inf
        finally:
            release.set()
        assert reader.wait_caught_up(10)


@pytest.mark.parametrize("error", [MessageError("bad", "record"), KeyError("x"), ValueError("x")])
def test_a_bad_record_is_counted_and_its_neighbours_are_applied(
    kafka_bootstrap: str, topic: str, error: Exception
) -> None:
    for key in (b"good-1", b"bad\xff", b"good-2"):
        publish(kafka_bootstrap, topic, key, b"v")
    seen: Seen = []

    def apply(key: bytes, value: bytes | None) -> None:
        if key.startswith(b"bad"):
            raise error
        seen.append((key, value))

    with reading(kafka_bootstrap, topic, apply) as reader:
        reader.require_caught_up(10)

        assert [key for key, _ in seen] == [b"good-1", b"good-2"]
        assert reader.failures_total == 1
        assert list(reader.failures) == ["bad\\xff"]
        assert reader.failure is None


def test_remembered_failures_have_a_limit_and_the_count_has_none(
    kafka_bootstrap: str, topic: str
) -> None:
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for number in range(FAILURES_MAX + 5):
        producer.produce(topic, key=b"bad-%d" % number, value=b"v")
    producer.flush(10)

    def refuse(_key: bytes, _value: bytes | None) -> None:
        raise MessageError("bad", "record")

    with reading(kafka_bootstrap, topic, refuse) as reader:
        reader.require_caught_up(10)

        assert reader.failures_total == FAILURES_MAX + 5
        assert len(reader.failures) == FAILURES_MAX
        assert "bad-0" not in reader.failures


def test_an_outage_ages_the_confirmation_and_recovery_needs_nobody(
    kafka_bootstrap: str, topic: str
) -> None:
    seen: Seen = []
    with (
        open_link(kafka_bootstrap) as link,
        reading(link.bootstrap, topic, collect(seen)) as reader,
    ):
        reader.require_caught_up(10)

        link.cut()
        wait_until(lambda: reader.confirmed_age_s() > 2 * FRESH_S, what="the age to grow")
        wait_until(lambda: reader.failure, what="a failure that is told")
        publish(kafka_bootstrap, topic, b"meanwhile", b"v")
        assert seen == []
        link.mend()

        wait_until(lambda: reader.confirmed_age_s() < FRESH_S, what="the age to shrink")
        assert seen == [(b"meanwhile", b"v")]
        assert reader.failure is None


def test_a_missing_topic_is_told_and_awaited(kafka_bootstrap: str, topic_prefix: str) -> None:
    name = f"{topic_prefix}late"
    with reading(kafka_bootstrap, name, lambda _key, _value: None) as reader:
        wait_until(lambda: reader.failure, what="the failure")
        assert "judgify topics create" in str(reader.failure)
        with pytest.raises(DependencyError, match=name):
            reader.require_caught_up(0.1)

        create(kafka_bootstrap, name)

        reader.require_caught_up(10)
        assert reader.failure is None


def test_a_topic_of_several_partitions_is_refused(kafka_bootstrap: str, topic_prefix: str) -> None:
    name = f"{topic_prefix}wide"
    create(kafka_bootstrap, name, partitions=2)

    with reading(kafka_bootstrap, name, lambda _key, _value: None) as reader:
        wait_until(lambda: reader.failure, what="the failure")
        assert "2 partitions, expected 1" in str(reader.failure)
        assert not reader.wait_caught_up(0.1)


def test_a_topic_that_was_created_again_is_never_confirmed_again(
    kafka_bootstrap: str, topic: str
) -> None:
    for _ in range(3):
        publish(kafka_bootstrap, topic, b"a", b"1")
    with reading(kafka_bootstrap, topic, lambda _key, _value: None) as reader:
        reader.require_caught_up(10)
        admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
        admin.delete_topics([topic])[topic].result(30)
        wait_until(lambda: topic not in admin.list_topics(timeout=5).topics, what="the deletion")

        create(kafka_bootstrap, topic)

        wait_until(lambda: reader.torn, 30, what="the reader to notice")
        for _ in range(5):
            publish(kafka_bootstrap, topic, b"a", b"new")
        assert reader.confirmed_age_s() == inf
        assert "restart" in str(reader.failure)


def test_a_reader_that_was_stopped_confirms_nothing(kafka_bootstrap: str, topic: str) -> None:
    with reading(kafka_bootstrap, topic, lambda _key, _value: None) as reader:
        reader.require_caught_up(10)

    assert reader.confirmed_age_s() == inf
    assert reader.failure
