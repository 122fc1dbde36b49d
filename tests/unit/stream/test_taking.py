"""Who leaves between taking a partition and beginning its work has ended nobody."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from stream import commits
from stream import pipeline as pipeline_module
from stream.attempts import DEATHS_MAX, Attempts
from stream.ledger import Commit, Ledger, TopicPartition
from tests.support.pipeline_bench import TP
from tests.support.pipeline_bench import PipelineBench as Bench

MOMENTS = ["commit_offsets", "set_positions"]
"""Calls between taking and beginning; what the first writes has arrived when it stops."""


class Stop:
    """Lets the next call of the thread happen, and keeps its answer until a test opens it."""

    def __init__(self, bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self._call = getattr(bench.thread, name)
        monkeypatch.setattr(bench.thread, name, self._wait)

    async def _wait(self, *arguments: Any) -> Any:
        answer = await self._call(*arguments)
        if not self.reached.is_set():
            self.reached.set()
            await self.open.wait()
        return answer


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pipeline_module, "ROOM_POLL_S", 0)
    monkeypatch.setattr(pipeline_module, "LINGER_S", 0)
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(commits, "COMMIT_TIMEOUT_S", 0.02)  # what gets no answer is over soon
    bench = Bench()
    bench.thread.append(TP, b"a", b"b")
    bench.thread.committed[TP] = 1
    bench.thread.metadata[TP] = f"judgify deaths={DEATHS_MAX - 1}"
    return bench


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_rebalance_before_the_work_begins_is_no_death(
    bench: Bench, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop(bench, moment, monkeypatch)
    async with bench.running() as pipeline:
        await asyncio.wait_for(stop.reached.wait(), 5)
        while_taken = bench.thread.metadata[TP]

        await asyncio.wait_for(pipeline.on_revoked(), 5)
        stop.open.set()
        left = Commit(bench.thread.committed[TP], bench.thread.metadata[TP])
        await pipeline.on_assigned([TP])
        await bench.wait_for(1)

    assert while_taken == f"judgify working deaths={DEATHS_MAX - 1}"
    assert left == (1, f"judgify deaths={DEATHS_MAX - 1}")
    assert bench.lane.offsets() == [1]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_stop_before_the_work_begins_is_no_death(
    bench: Bench, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop(bench, moment, monkeypatch)
    async with bench.running() as pipeline:
        await asyncio.wait_for(stop.reached.wait(), 5)

        pipeline.stopping = True
        await pipeline.finish(0)
        await pipeline.commits.sign_off()

    assert bench.thread.metadata[TP] == f"judgify deaths={DEATHS_MAX - 1}"
    assert bench.thread.committed[TP] == 1


async def test_what_was_written_without_an_answer_is_no_death_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try reads what the last one wrote."""
    write, left = bench.thread.commit_offsets, [TimeoutError(), TimeoutError(), TimeoutError()]

    async def write_and_fail(due: Mapping[TopicPartition, Commit]) -> None:
        await write(due)
        if left:
            raise left.pop()

    monkeypatch.setattr(bench.thread, "commit_offsets", write_and_fail)
    async with bench.running():
        await bench.wait_for(1)

    assert left == []
    assert bench.thread.metadata[TP] == f"judgify working deaths={DEATHS_MAX - 1}"


async def test_nobody_takes_a_partition_behind_the_sign_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench.running() as pipeline:
        await bench.wait_for(1)
        monkeypatch.setattr(commits, "COMMIT_TIMEOUT_S", 5)
        stop = Stop(bench, "commit_offsets", monkeypatch)
        bench.lane.finish_all()
        assignment, told = bench.ledger.assignment, bench.ledger.partitions[TP].attempts
        signing_off = asyncio.ensure_future(pipeline.commits.sign_off())
        await asyncio.wait_for(stop.reached.wait(), 5)

        taking = asyncio.ensure_future(pipeline.commits.take({TP: told}, assignment))
        await asyncio.sleep(0)
        stop.open.set()
        await signing_off
        taken = await asyncio.wait_for(taking, 5)

    assert not taken
    assert "working" not in bench.thread.metadata[TP]


def test_who_asked_in_an_earlier_assignment_takes_nothing() -> None:
    ledger = Ledger()
    ledger.assign([TP])
    earlier = ledger.assignment
    ledger.assign([TP])

    assert not ledger.take({TP: Attempts(5)}, earlier)
    assert not ledger.partitions[TP].taken
