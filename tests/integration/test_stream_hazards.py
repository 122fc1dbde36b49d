"""What plain Faust loses or hangs on, done right by the seam, on a real broker."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # -- documented exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from tests.support.echo_stream import EchoStream
from tests.support.messages import headers_of
from tests.support.raw_header import publish_raw_header
from tests.support.waiting import wait_until


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def test_an_exception_costs_one_record_and_no_neighbour(stream: EchoStream) -> None:
    """Faust acknowledges a record whose agent raised."""
    stream.send(b"echo 0", b"bug", b"echo 2", b"bad", b"echo 4")

    stream.start()
    stream.wait_for_commit(5)

    assert stream.values(stream.results) == [b"echo 0", b"echo 2", b"echo 4"]
    buried = {m.value(): headers_of(m)["judgify-dl-code"] for m in stream.read(stream.dead_letters)}
    assert buried == {b"bug": b"internal_error", b"bad": b"bad"}


def test_malformed_records_behind_unfinished_work_are_not_committed_past(
    stream: EchoStream, tmp_path: Path
) -> None:
    """Faust acknowledges undecodable records on arrival, ahead of good ones in flight."""
    gate = tmp_path / "gate"
    stream.send(b"echo 0", b"wait %s" % str(gate).encode(), b"bad", b"bad", b"echo 4")
    first = stream.start()
    stream.send(b"elsewhere", partition=1)
    stream.wait_for_results(1, partition=1)

    first.send_signal(signal.SIGKILL)
    first.wait()
    committed = stream.committed()
    gate.touch()
    stream.start()
    stream.wait_for_commit(5, timeout_s=30)

    assert committed <= 1
    assert b"wait %s" % str(gate).encode() in stream.values(stream.results)


def test_a_refused_batch_is_published_later_and_nothing_is_acknowledged_before(
    stream: EchoStream,
) -> None:
    """Faust's send does not wait for the broker, and its commit treats failed batches as done."""
    _set_limit(stream, "2000")
    stream.send(b"echo 0", b"large 50000", b"echo 2")

    stream.start()
    wait_until(lambda: "lane_held" in stream.log(), what="the refusal")
    while_refused = stream.committed()
    _set_limit(stream, "2097152")
    stream.wait_for_commit(3, timeout_s=20)

    assert while_refused <= 0
    assert [len(value or b"") for value in stream.values(stream.results)][-3:] == [6, 50_000, 6]


def test_an_output_that_no_topic_takes_is_buried_and_the_stream_goes_on(stream: EchoStream) -> None:
    stream.send(b"echo 0", b"large 2000000", b"echo 2")

    stream.start()
    stream.wait_for_commit(3)

    assert stream.values(stream.results) == [b"echo 0", b"echo 2"]
    [letter] = stream.read(stream.dead_letters)
    assert letter.value() == b"large 2000000"
    assert headers_of(letter)["judgify-dl-code"] == b"output_too_large"


def test_a_blocked_loop_ends_the_process_and_its_work_is_done_elsewhere(stream: EchoStream) -> None:
    """Heartbeats come from another thread: a hung Faust worker keeps its partitions."""
    process = stream.start(loop_s=1.0)
    stream.send(b"sleep 60")

    code = process.wait(timeout=20)

    assert code == 75
    assert "event loop has not turned" in stream.log()
    assert stream.committed() <= 0


def test_sigterm_ends_a_process_whose_work_is_held(stream: EchoStream) -> None:
    """Faust waits for unacknowledged events for ever when it is told to stop."""
    stream.send(b"wait /nowhere/to/be/found")
    process = stream.start()
    wait_until(lambda: "lane_held" in stream.log(), what="the work to be held")

    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=10)

    assert code == 0
    assert stream.committed() <= 0


def test_sigterm_ends_a_process_that_is_deaf(stream: EchoStream) -> None:
    process = stream.start(loop_s=3.0)
    stream.send(b"sleep 60")

    wait_until(lambda: "asleep" in stream.log(), what="the loop to be blocked")
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=10) == 75


def test_a_fatal_error_ends_the_process_instead_of_hanging_it(stream: EchoStream) -> None:
    """After a crash Faust leaves the group and lives on, deaf to SIGTERM."""
    process = stream.start()
    stream.send(b"fatal")

    assert process.wait(timeout=15) == 2
    assert "told to stop" in stream.log()


def test_a_process_listens_on_its_declared_port_alone(stream: EchoStream) -> None:
    """Faust opens 0.0.0.0:6066 whatever its settings say."""
    process = stream.start()

    listening = [
        link.laddr
        for link in psutil.Process(process.pid).net_connections("inet")
        if link.status == psutil.CONN_LISTEN
    ]

    assert len(listening) == 1
    assert listening[0].ip == "127.0.0.1"


def test_a_header_key_that_is_not_utf8_costs_one_record(stream: EchoStream) -> None:
    """aiokafka delivers nothing of such a partition for ever."""
    stream.start()
    stream.send(b"echo 0")
    publish_raw_header(stream.bootstrap, stream.requests, 0, b"\xff\xfe", b"echo 1")
    stream.send(b"echo 2")
    stream.wait_for_commit(3)

    assert stream.values(stream.results) == [b"echo 0", b"echo 2"]
    [letter] = stream.read(stream.dead_letters)
    assert letter.value() == b"echo 1"
    assert headers_of(letter)["judgify-dl-headers"] == b"unreadable"


def test_members_that_join_and_leave_lose_nothing(stream: EchoStream) -> None:
    first = stream.start()
    sent = []
    for round_number in range(3):
        values = [b"echo %d-%d" % (round_number, n) for n in range(200)]
        for partition in range(4):
            stream.send(*values, partition=partition)
        sent += values
        second = stream.start()
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=15) == 0
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=15) == 0
    stream.start()

    for partition in range(4):
        wait_until(
            lambda partition=partition: set(stream.values(stream.results, partition)) == set(sent),  # type: ignore[misc]  # -- bound now
            20,
            what="every record's result",
        )


def _set_limit(stream: EchoStream, size_bytes: str) -> None:
    admin = AdminClient({"bootstrap.servers": stream.bootstrap})
    entry = ConfigEntry(
        "max.message.bytes", size_bytes, incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(
        ConfigResource.Type.TOPIC, stream.results, incremental_configs=[entry]
    )
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result()


def test_a_broken_deploy_stops_instead_of_burying_the_topic(stream: EchoStream) -> None:
    process = stream.start()
    stream.send_keyed([(b"bug", b"k%d" % (number % 3)) for number in range(120)])

    assert process.wait(timeout=15) == 2
    again = stream.start()
    assert again.wait(timeout=15) == 2
    told = [line for line in stream.log().splitlines() if "process_refused" in line]
    assert len(told) == 2, "one clear line each"
    assert all("Do: go back to the release before" in line for line in told)
    assert len(stream.read(stream.dead_letters)) < 50
    assert stream.committed() <= 0
