"""What brokers and producers may do to a topic, and what becomes of its records then."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.support.echo_stream import EchoStream
from tests.support.messages import headers_of
from tests.support.topic_settings import alter_topic
from tests.support.topics import create_registered
from tests.support.waiting import wait_until
from topics.registry import REQUESTS

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BOMB_BYTES = 100_000_000
TIMEOUT_S = 20.0
pytestmark = pytest.mark.timeout(180)  # several processes one after the other, on a busy machine


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def create_again(stream: EchoStream) -> None:
    """Delete the requests topic and create it anew under its name."""
    admin = AdminClient({"bootstrap.servers": stream.bootstrap})
    admin.delete_topics([stream.requests])[stream.requests].result(TIMEOUT_S)
    wait_until(
        lambda: stream.requests not in admin.list_topics(timeout=TIMEOUT_S).topics, TIMEOUT_S
    )
    create_registered(stream.bootstrap, stream.prefix, REQUESTS)
    stream.renew_producer()


def test_a_topic_created_again_while_nobody_reads_is_read_from_its_beginning(
    stream: EchoStream,
) -> None:
    """There are more records than were committed: their offsets alone would hide the first."""
    process = stream.start()
    stream.send(b"old 0", b"old 1", b"old 2")
    stream.wait_for_commit(3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    told = stream.metadata()

    create_again(stream)
    values = [b"new %d" % number for number in range(5)]
    stream.send(*values)
    stream.commit(3, f"judgify topic={'x' * 22}")  # as of the topic before, were it kept
    stream.start()
    stream.wait_for_commit(5)

    assert told == "judgify"
    assert stream.values(stream.results)[-5:] == values


def test_a_topic_created_again_under_a_process_is_read_from_its_beginning(
    stream: EchoStream,
) -> None:
    process = stream.start()
    stream.send(b"old 0", b"old 1", b"old 2")
    stream.wait_for_commit(3)

    create_again(stream)
    values = [b"new %d" % number for number in range(5)]
    stream.send(*values)
    wait_until(
        lambda: process.poll() is not None or set(values) <= set(stream.values(stream.results)),
        60,
        what="the process to notice",
    )
    if process.poll() is not None:  # it says so and starts anew, as its launcher does for it
        assert process.returncode == 2
        stream.start()
    stream.wait_for_commit(5, 30)

    assert set(values) <= set(stream.values(stream.results))


def test_what_retention_took_from_a_stopped_process_is_one_dead_letter(stream: EchoStream) -> None:
    process = stream.start()
    stream.send(b"echo 0", b"echo 1")
    stream.wait_for_commit(2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    stream.send(*[b"echo %d" % number for number in range(2, 10)])

    admin = AdminClient({"bootstrap.servers": stream.bootstrap})
    place = TopicPartition(stream.requests, 0, 7)
    admin.delete_records([place])[place].result(TIMEOUT_S)
    stream.start()
    stream.wait_for_commit(10)

    assert stream.values(stream.results) == [b"echo %d" % it for it in (0, 1, 7, 8, 9)]
    [letter] = stream.read(stream.dead_letters)
    headers = headers_of(letter)
    assert (headers["judgify-dl-kind"], headers["judgify-dl-offset"]) == (b"lost", b"2")
    assert b"offsets 2 to 6" in headers["judgify-dl-reason"]


def test_aborted_transactions_are_not_judged_and_stop_nobody(stream: EchoStream) -> None:
    stream.start()
    producer = Producer(
        {"bootstrap.servers": stream.bootstrap, "transactional.id": f"{stream.prefix}t"}
    )
    producer.init_transactions(TIMEOUT_S)

    def send(end: Callable[[float], None], *values: bytes) -> None:
        producer.begin_transaction()
        for value in values:
            producer.produce(stream.requests, value, partition=0)
        assert producer.flush(TIMEOUT_S) == 0
        end(TIMEOUT_S)

    send(producer.abort_transaction, b"aborted 0", b"aborted 1")
    send(producer.commit_transaction, b"echo 3")
    send(producer.abort_transaction, b"aborted 5")
    stream.wait_for_commit(7)  # three markers and four records: nothing is left in front of the end

    assert stream.values(stream.results) == [b"echo 3"]
    assert stream.read(stream.dead_letters) == []


def test_every_codec_is_read_where_an_administrator_lets_it_in(stream: EchoStream) -> None:
    alter_topic(stream.bootstrap, stream.requests, "compression.type", "producer")
    stream.start()
    values = {codec: [b"echo %s %d" % (codec.encode(), it) for it in range(50)] for codec in CODECS}
    for codec in CODECS:
        settings = {"bootstrap.servers": stream.bootstrap, "compression.type": codec}
        producer = Producer(settings | {"linger.ms": 50})
        for value in values[codec]:
            producer.produce(stream.requests, value, partition=0)
        assert producer.flush(TIMEOUT_S) == 0
    stream.wait_for_commit(len(CODECS) * 50, 30)

    assert stream.values(stream.results) == [value for codec in CODECS for value in values[codec]]


def send_bomb(stream: EchoStream) -> None:
    """Publish one record that is small on the wire and large in memory, to partition 0."""
    producer = Producer(
        {
            "bootstrap.servers": stream.bootstrap,
            "compression.type": "zstd",
            "message.max.bytes": 2 * BOMB_BYTES,
            "batch.size": 2 * BOMB_BYTES,
        }
    )
    failed: list[KafkaError] = []
    producer.produce(
        stream.requests,
        bytes(BOMB_BYTES),
        partition=0,
        on_delivery=lambda error, _message: failed.append(error) if error else None,
    )
    assert producer.flush(60) == 0
    if failed:
        raise KafkaException(failed[0])


def test_a_compression_bomb_is_refused_by_the_broker_and_else_costs_one_record(
    stream: EchoStream,
) -> None:
    with pytest.raises(KafkaException) as refused:
        send_bomb(stream)
    assert refused.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE

    alter_topic(stream.bootstrap, stream.requests, "compression.type", "producer")
    process = stream.start()
    stream.send(b"echo 0")
    send_bomb(stream)
    stream.send(b"echo 2")
    stream.wait_for_commit(3, 30)

    assert stream.values(stream.results) == [b"echo 0", b"echo 2"]
    [letter] = stream.read(stream.dead_letters)
    assert b"cannot be read" in headers_of(letter)["judgify-dl-reason"]
    assert peak_rss_bytes(process.pid) < 250_000_000


def peak_rss_bytes(pid: int) -> int:
    """Return the most memory that a process ever had."""
    [line] = [it for it in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in it]
    return int(line.split()[1]) * 1_024


def test_results_with_fewer_partitions_than_requests_are_refused_at_start_and_while_running(
    stream: EchoStream,
) -> None:
    process = stream.start()
    admin = AdminClient({"bootstrap.servers": stream.bootstrap})
    admin.create_partitions([NewPartitions(stream.requests, 13)])[stream.requests].result(TIMEOUT_S)

    while_running = process.wait(40)
    stream.start()
    at_start = stream.processes[-1].wait(20)

    assert (while_running, at_start) == (2, 2)
    told = f"partition counts must be equal: {stream.requests} has 13, {stream.results} has 12"
    assert stream.log().count(told) == 2
