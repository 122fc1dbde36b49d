"""The concurrent shape on a real broker: any order, commits in order, nothing lost, always stops."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.echo_stream import EchoStream
from tests.support.waiting import wait_until


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def test_a_slow_record_at_the_head_is_delivered_again_after_a_kill(
    stream: EchoStream, tmp_path: Path
) -> None:
    """H2: Faust commits past a record in flight as soon as later ones are done."""
    gate = tmp_path / "gate"
    slow, others = b"hang %s" % str(gate).encode(), [b"echo %d" % number for number in range(30)]
    process = stream.start(shape="concurrent")

    stream.send(slow, *others)
    stream.wait_for_results(30)
    stream.send(b"bad", b"echo elsewhere", partition=1)
    stream.wait_for_commit(2, partition=1)  # a commit later than the results of the others
    committed = stream.committed()
    stream.kill(process)
    gate.touch()
    stream.start(shape="concurrent")
    stream.wait_for_commit(31)

    assert committed <= 0
    assert set(stream.values(stream.results)) == {slow, *others}


def test_a_record_that_hangs_stops_no_other_and_in_the_end_its_process(stream: EchoStream) -> None:
    """Others that complete would hide it for ever from a watchdog that looks at the last one."""
    process = stream.start(shape="concurrent", work_s=4.0)
    stream.send(b"hang /nowhere/to/be/found")
    began_s, sent = time.monotonic(), 0

    while process.poll() is None and time.monotonic() < began_s + 20:
        stream.send(b"echo %d" % sent, partition=1)
        sent += 1
        stream.wait_for_results(sent - 5, partition=1)

    assert process.wait(1) == 75
    assert "a record has been in work for 4 s" in stream.log()
    assert len(stream.values(stream.results, partition=1)) >= 2
    assert stream.committed() <= 0


def test_sigterm_ends_a_process_with_answers_on_their_way(stream: EchoStream) -> None:
    process = stream.start(shape="concurrent")
    stream.send(b"hang /nowhere/to/be/found", b"echo 1", b"wait /nowhere/either", b"echo 3")
    wait_until(lambda: "lane_held" in stream.log(), what="a record to be held")

    began_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=10)

    assert (code, time.monotonic() - began_s < 10) == (0, True)
    assert stream.committed() <= 0
    assert stream.metadata() == "judgify"  # nobody works, nobody is suspected


def test_a_held_record_stops_its_partition_alone(stream: EchoStream, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    stream.start(shape="concurrent", concurrency=2)
    stream.send(b"wait %s" % str(gate).encode(), *[b"echo %d" % number for number in range(20)])
    wait_until(lambda: "lane_held" in stream.log(), what="the record to be held")

    stream.send(*[b"echo %d" % number for number in range(100)], partition=1)
    stream.wait_for_commit(100, partition=1)
    while_held = stream.values(stream.results)
    gate.touch()
    stream.wait_for_commit(21)

    assert len(while_held) <= 2
    assert len(stream.values(stream.results)) == 21
