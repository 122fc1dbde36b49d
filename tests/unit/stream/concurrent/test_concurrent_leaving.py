"""When partitions go: answers on their way have their time, and late ones change nothing."""

import asyncio
from collections.abc import Sequence

import pytest
from typing_extensions import override

from schemas.errors import MessageError
from stream import burial
from stream.batch import Output, Record
from stream.ledger import TopicPartition
from stream.shapes.concurrent import Pace
from tests.support.concurrent_bench import CONCURRENCY, RESULTS, GatedAgent
from tests.support.concurrent_bench import ConcurrentBench as Bench
from tests.support.waiting import wait_until_async


async def test_nothing_begins_any_more_when_partitions_go(bench: Bench) -> None:
    values = [b"%d" % number for number in range(8)]
    for value in values:
        bench.agent.gate(value)
    bench.hand(*values)
    await bench.until_begun(CONCURRENCY)

    finishing = asyncio.create_task(bench.lane.finish(5))
    await asyncio.sleep(0)
    for value in values:
        bench.agent.gate(value).set()
    finished = await finishing

    assert not finished
    assert bench.agent.begun == values[:CONCURRENCY]
    assert bench.committable() == CONCURRENCY


async def test_an_answer_has_its_patience_and_no_more(bench: Bench) -> None:
    bench.lane = bench.make(Pace(CONCURRENCY, patience_s=0.02))
    bench.agent.gate(b"slow")
    bench.hand(b"a", b"slow")
    await bench.until_committable(1)

    finished = await asyncio.wait_for(bench.lane.finish(60), 5)
    await bench.lane.drop()

    assert not finished
    assert bench.agent.cancelled == [b"slow"]


async def test_what_is_held_is_not_waited_for_but_a_send_on_its_way_is(bench: Bench) -> None:
    bench.agent.away.add(b"held")
    bench.agent.gate(b"sending")
    bench.hand(b"sending", b"held")
    await wait_until_async(lambda: bench.seam.progress.held)

    finishing = asyncio.create_task(bench.lane.finish(5))
    await asyncio.sleep(0)
    bench.agent.gate(b"sending").set()
    finished = await asyncio.wait_for(finishing, 5)

    assert not finished
    assert bench.committable() == 1


async def test_an_answer_that_comes_while_partitions_go_is_published_before_they_are_gone(
    bench: Bench,
) -> None:
    bench.publisher.gate.clear()
    bench.agent.gate(b"a")
    bench.hand(b"a")
    await bench.until_begun(1)

    finishing = asyncio.create_task(bench.lane.finish(5))
    await asyncio.sleep(0)
    bench.agent.gate(b"a").set()
    for _ in range(10):  # the answer is there, and its publish on its way
        await asyncio.sleep(0)
    finished_early = finishing.done()
    bench.publisher.gate.set()
    await asyncio.wait_for(finishing, 5)

    assert not finished_early
    assert bench.committable() == 1


class DeafAgent(GatedAgent):
    """Does not end when it is cancelled: it raises something else, or answers all the same."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    @override
    async def answer(self, source: TopicPartition, record: Record) -> Sequence[Output]:
        self.begun.append(record.value or b"")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.error is not None:
                raise self.error from None
        return [Output(RESULTS, record.key, record.value)]


@pytest.mark.parametrize(
    "error", [MessageError("deaf", "to the end"), KeyError("ours"), None], ids=repr
)
async def test_late_answers_of_a_lost_partition_change_nothing(
    bench: Bench, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(burial.log, "error", lambda event, **_: told.append(event))
    bench.agent = DeafAgent(error)
    bench.lane = bench.make(Pace(CONCURRENCY))
    bench.hand(b"a")
    await bench.until_begun(1)

    bench.ledger.revoke()
    await bench.lane.drop()
    bench.assign(0, 1)

    assert bench.publisher.published == []
    assert told == []
    assert bench.committable() == 0


async def test_after_a_rebalance_work_begins_anew(bench: Bench) -> None:
    bench.agent.gate(b"a")
    bench.hand(b"a")
    await bench.until_begun(1)
    await bench.lane.finish(0)
    bench.ledger.revoke()
    await bench.lane.drop()

    bench.assign(0, 1)
    bench.agent.gates.clear()
    bench.hand(b"a", b"b")
    await bench.until_committable(2)

    assert bench.agent.begun == [b"a", b"a", b"b"]


async def test_how_long_the_oldest_answer_runs_is_seen_though_others_end(bench: Bench) -> None:
    bench.agent.gate(b"hung")
    begun_at_s = bench.clock.monotonic_s()
    bench.hand(b"hung")
    await bench.until_begun(1)

    bench.clock.advance(50)
    bench.hand(*[b"%d" % number for number in range(20)], partition=1)
    await bench.until_committable(20, partition=1)
    while_hung = bench.seam.progress.oldest_begun_at_s()
    bench.agent.gate(b"hung").set()
    await bench.until_committable(1)

    assert while_hung == begun_at_s
    assert bench.seam.progress.oldest_begun_at_s() is None
