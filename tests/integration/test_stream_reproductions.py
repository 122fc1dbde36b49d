"""What plain Faust gets wrong with records that fail, wait, or carry its own headers (H4 to H14)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer

from tests.support.echo_stream import EchoStream
from tests.support.messages import headers_of
from tests.support.waiting import wait_until

BAD_BEFORE_GOOD = 6
DELAY_MS_MAX = 1_000
POLL_INTERVAL_S = 3.0


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def timestamps(messages: list[Message]) -> dict[bytes | None, int]:
    """Return the broker's time of each value, ms."""
    return {message.value(): message.timestamp()[1] for message in messages}


def test_malformed_records_hardly_delay_the_next_good_one(stream: EchoStream) -> None:
    """H4: Faust restarts an agent for each, and waits 5 s each time: 25 s for six."""
    stream.start()
    rounds = 4
    for number in range(rounds):
        stream.send(*[b"bad"] * BAD_BEFORE_GOOD, b"echo %d" % number)
        stream.wait_for_results(number + 1)

    sent, answered = (timestamps(stream.read(it)) for it in (stream.requests, stream.results))
    delays_ms = [answered[value] - sent[value] for value in answered]

    assert len(delays_ms) == rounds
    assert min(delays_ms) < DELAY_MS_MAX  # the least of them: machines have other work as well
    assert len(stream.read(stream.dead_letters)) == rounds * BAD_BEFORE_GOOD


def test_a_bad_record_at_any_position_of_a_batch_costs_no_neighbour(stream: EchoStream) -> None:
    """H5: in Faust an exception drops the rest of a `take()`, malformed JSON all that ever comes."""
    faults = (b"bad", b"bug")
    positions = 6
    for partition in range(positions * len(faults)):
        values = [b"echo %d" % number for number in range(positions)]
        values[partition % positions] = faults[partition // positions]
        stream.send(*values, b"echo behind", partition=partition)

    stream.start()

    for partition in range(positions * len(faults)):
        good = {
            b"echo %d" % number for number in range(positions) if number != partition % positions
        }
        stream.wait_for_commit(positions + 1, 30, partition)
        assert set(stream.values(stream.results, partition)) == {*good, b"echo behind"}


def test_a_process_that_is_full_for_longer_than_the_poll_interval_goes_on(
    stream: EchoStream, tmp_path: Path
) -> None:
    """H7: aiokafka leaves the group and will not join again while Faust will not fetch."""
    gate = tmp_path / "gate"
    stream.start(records=2, max_poll_interval_s=POLL_INTERVAL_S)
    waits = [b"wait %s" % str(gate).encode()] * 3
    for partition in range(12):
        stream.send(*waits, b"echo behind", partition=partition)
    wait_until(lambda: "lane_held" in stream.log(), what="the process to be full")

    # aiokafka has put it out, and it has joined again by itself.
    wait_until(lambda: stream.log().count("partitions_assigned") > 1, 40, what="a second joining")
    gate.touch()

    for partition in range(12):
        stream.wait_for_commit(4, 40, partition)
        assert stream.values(stream.results, partition)[-1] == b"echo behind"


def test_a_header_that_asks_for_a_reply_elsewhere_is_not_obeyed(stream: EchoStream) -> None:
    """H14: a yielding Faust agent publishes its result to any topic that the sender names."""
    target = f"{stream.prefix}actions.v1"
    producer = Producer({"bootstrap.servers": stream.bootstrap})
    headers = [
        ("Faust-Ag-ReplyTo", target.encode()),
        ("Faust-Ag-CorrelationId", b"1"),
        ("judgify-dl-code", b"forged"),
    ]
    for value in (b"echo 0", b"bad"):
        producer.produce(stream.requests, value, key=b"k", headers=[*headers], partition=0)
    assert producer.flush(20) == 0

    stream.start()
    stream.wait_for_commit(2)

    [result] = stream.read(stream.results)
    assert headers_of(result) == {}
    assert [stream.read(target, partition) for partition in range(6)] == [[]] * 6
    [letter] = stream.read(stream.dead_letters)
    assert headers_of(letter)["judgify-dl-code"] == b"bad"
