"""A record that ends its process, on a real broker: found, held alone, skipped on order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from judgify.status.process_problems import find_process_problems
from judgify.status.snapshot import ProcessStatus, ProcessView, Snapshot
from stream.attempts import DEATHS_MARKED_MAX
from tests.support.echo_agent import DEAD
from tests.support.echo_stream import EchoStream
from tests.support.messages import headers_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # many processes, one after the other, on a busy machine


@pytest.fixture
def stream(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[EchoStream]:
    stream = EchoStream(kafka_bootstrap, topic_prefix, tmp_path)
    yield stream
    stream.close()


def problems_of(stream: EchoStream) -> str:
    """Return what `judgify status` says of the process."""
    status = ProcessStatus.model_validate({"process": "echo"} | stream.status())
    view = ProcessView(name="echo", host="127.0.0.1", port=1, status=status)
    snapshot = Snapshot(data_dir="", topic_prefix=stream.prefix, processes=[view])
    return "\n".join(it.text for it in find_process_problems(view, snapshot, set()))


def test_a_record_that_ends_its_process_is_held_alone_until_it_is_skipped(
    stream: EchoStream, tmp_path: Path
) -> None:
    skips = tmp_path / "skips"
    stream.send(b"echo 0", b"memory", b"echo 2", b"die", b"echo 4")
    stream.send(b"echo a", b"echo b", partition=1)
    stream.commit(0, "judgify working deaths=2")  # two owners have died already

    died = stream.start_until_held(DEAD, skips=str(skips))
    stream.send(b"echo c", partition=1)
    stream.wait_for_commit(3, partition=1)
    while_held = (set(stream.values(stream.results)), stream.committed())
    told = problems_of(stream)
    skips.write_text("0 3 it ends us\n")
    stream.wait_for_commit(5)

    assert died == DEATHS_MARKED_MAX
    assert while_held == ({b"echo 0", b"echo 2"}, 3)
    assert f"judgify skip {stream.requests}/0/3 --reason TEXT" in told
    assert b"echo 4" in stream.values(stream.results)
    letters = {m.value(): headers_of(m) for m in stream.read(stream.dead_letters)}
    assert letters[b"die"]["judgify-dl-kind"] == b"skip"
    assert letters[b"memory"]["judgify-dl-code"] == b"internal_error"


@pytest.mark.parametrize(
    ("shape", "told", "deaths"),
    [
        pytest.param("concurrent", "careful_until=3 marked=1", 1, id="concurrent-before-chunks"),
        pytest.param("sink", "careful_until=999", 1 + DEATHS_MARKED_MAX, id="sink"),
    ],
)
def test_the_other_shapes_hold_and_skip_it_as_well(
    stream: EchoStream, tmp_path: Path, shape: str, told: str, deaths: int
) -> None:
    skips = tmp_path / "skips"
    stream.send(b"echo 0", b"die", b"echo 2")
    stream.commit(1, f"judgify working {told}")

    died = stream.start_until_held(DEAD, shape=shape, skips=str(skips))
    skips.write_text("0 1 it ends us\n")
    stream.wait_for_commit(3)

    assert died == deaths
    assert stream.values(stream.results) == [b"echo 2"]
    assert [m.value() for m in stream.read(stream.dead_letters)] == [b"die"]


def test_orderly_ends_suspect_nobody(stream: EchoStream) -> None:
    stream.send(b"wait /nowhere/to/be/found")
    for number in range(4):
        process = stream.start()
        wait_until(lambda n=number: stream.log().count("lane_held") > n, what="it to work")  # type: ignore[misc]  # -- bound now
        while_working = stream.metadata()
        process.terminate()
        assert process.wait(timeout=15) == 0
        assert (while_working, stream.metadata()) == ("judgify working", "judgify")
