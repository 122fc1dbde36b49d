"""Processes that are ended by force, again and again: innocents are never held, culprits always."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.attempts import CHUNK_RECORDS, DEATHS_MARKED_MAX, DEATHS_MAX
from tests.support.echo_agent import DEAD
from tests.support.echo_stream import EchoStream
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # many processes, one after the other, on a busy machine


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def test_a_record_that_ends_processes_is_found_by_its_deaths_alone(stream: EchoStream) -> None:
    before = [b"echo %d" % number for number in range(CHUNK_RECORDS + 2)]
    stream.send(*before, b"die", b"echo last")

    died = stream.start_until_held(DEAD)

    assert died == DEATHS_MAX + 1 + DEATHS_MARKED_MAX
    assert set(stream.values(stream.results)) == set(before)


def test_ten_forced_ends_at_the_start_hold_nothing(stream: EchoStream) -> None:
    values = [b"echo %d" % number for number in range(2_000)]
    stream.send(*values)

    for _ in range(10):
        stream.kill(stream.start())
    stream.start()
    stream.wait_for_commit(2_000, 30)

    assert set(stream.values(stream.results)) == set(values)
    assert "record_held" not in stream.log()
    assert stream.metadata() == "judgify working"


def test_forced_ends_while_a_dependency_is_away_suspect_nobody(
    stream: EchoStream, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    stream.send(b"wait %s" % str(gate).encode(), b"echo 1")

    for _ in range(6):
        process = stream.start()
        wait_until(lambda p=process: held_by(stream, p), what="the work to be held")  # type: ignore[misc]  # -- bound now
        wait_until(lambda: stream.metadata() == "judgify working", what="a commit")
        stream.kill(process)
    gate.touch()
    stream.start()
    stream.wait_for_commit(2)

    assert "record_held" not in stream.log()


def held_by(stream: EchoStream, process: subprocess.Popen[bytes]) -> bool:
    number = stream.processes.index(process)
    return "lane_held" in (stream.logs / f"echo-{number:03}.log").read_text()
