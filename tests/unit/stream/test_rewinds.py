"""Positions that must be set back: each for itself, beside the work of the others."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream import pipeline as pipeline_module
from stream.ledger import TopicPartition
from stream.status import describe
from tests.support.pipeline_bench import ELSEWHERE, TP, TP1
from tests.support.pipeline_bench import PipelineBench as Bench
from tests.support.seams import REQUESTS
from tests.support.waiting import wait_until_async


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pipeline_module, "ROOM_POLL_S", 0)
    monkeypatch.setattr(pipeline_module, "LINGER_S", 0)
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr("stream.hold.BACKOFF_MAX_S", 0.001)
    return Bench()


def offsets_of(bench: Bench, tp: TopicPartition) -> list[int]:
    lane = bench.lane if tp.topic == REQUESTS else bench.other
    return [
        record.offset
        for batch, _ in lane.handed
        if batch.partition == tp.partition
        for record in batch.records
    ]


def note_calls_of_bounds(bench: Bench, note: Callable[[], None]) -> None:
    def noted() -> list[object]:
        note()
        return []

    bench.thread.on_bounds = noted  # type: ignore[assignment]  # -- any callable without arguments


async def test_a_position_that_cannot_be_set_back_holds_up_no_other(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    bench.thread.append(TP1, b"b")

    async with bench.running(TP, TP1) as pipeline:
        await bench.wait_for(2)
        bench.thread.leaderless.add(TP)
        pipeline._positions.note_rewind(TP)
        await wait_until_async(lambda: bench.seam.progress.held)
        bench.thread.append(TP, b"c")
        bench.thread.append(TP1, b"d")
        await bench.wait_for(3)
        while_leaderless = (bench.lane.values()[2:], list(bench.seam.progress.held))
        told = describe(bench.seam, None, 0)
        bench.thread.leaderless.clear()
        await bench.wait_for(4)

    assert while_leaderless == ([b"d"], [TP.start])
    assert [row["held"] and row["held"]["name"] for row in told] == ["kafka", None]
    assert bench.lane.values() == [b"a", b"b", b"d", b"c"]
    assert bench.seam.progress.held == {}


async def test_what_is_lost_and_cannot_be_told_holds_up_no_other(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    bench.thread.append(TP1, b"b")

    asked = asyncio.Event()

    async with bench.running(TP, TP1):
        await bench.wait_for(2)
        bench.publisher.gate.clear()
        note_calls_of_bounds(bench, asked.set)
        bench.thread.append(TP, *[b"x"] * 5)
        bench.thread.truncate(TP, 4)
        bench.thread.positions[TP] = 4  # as aiokafka resets it: auto_offset_reset
        await asyncio.wait_for(asked.wait(), 5)
        bench.thread.append(TP1, b"c")
        await bench.wait_for(3)
        while_untold = bench.lane.values()[2:]
        bench.publisher.gate.set()
        await bench.wait_for(5)

    assert while_untold == [b"c"]
    assert offsets_of(bench, TP) == [0, 4, 5]
    assert len(bench.publisher.published) == 1


async def test_a_new_rewind_does_not_wait_for_an_old_one(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    bench.thread.append(TP1, b"b", b"c")

    async with bench.running(TP, TP1) as pipeline:
        await bench.wait_for(3)
        bench.thread.leaderless.add(TP)
        pipeline._positions.note_rewind(TP)
        await wait_until_async(lambda: TP.start in bench.seam.progress.held)
        bench.thread.append(TP1, b"d", b"e")
        bench.thread.positions[TP1] = 3  # a position that jumped
        await bench.wait_for(5)

    assert offsets_of(bench, TP1) == [0, 1, 2, 3]


async def test_a_position_is_said_to_be_set_back_once_it_is(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    tries: list[int] = []
    note_calls_of_bounds(bench, lambda: tries.append(1))

    with capture_logs() as logs:
        async with bench.running() as pipeline:
            await bench.wait_for(1)
            bench.thread.leaderless.add(TP)
            before = len(tries)
            pipeline._positions.note_rewind(TP)
            await wait_until_async(lambda: len(tries) > before + 3)
            while_leaderless = [it for it in logs if it["event"] == "position_set_back"]
            bench.thread.leaderless.clear()
            bench.thread.append(TP, b"b")
            await bench.wait_for(2)

    assert while_leaderless == []
    [said] = [it for it in logs if it["event"] == "position_set_back"]
    assert (said["topic"], said["partition"], said["offset"]) == (*TP, 1)


async def test_what_arrives_while_the_position_is_set_back_is_fetched_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.thread.append(TP, b"a")
    drained, deliver = asyncio.Event(), asyncio.Event()
    asked, answer = asyncio.Event(), asyncio.Event()
    fetch, fetch_bounds = bench.thread.fetch, bench.thread.fetch_bounds

    async def fetch_late(wanted: Any, *rest: Any) -> Any:
        fetched = await fetch(wanted, *rest)
        if fetched:
            drained.set()
            await deliver.wait()
        return fetched

    async def fetch_bounds_late(tps: Any) -> Any:
        asked.set()
        await answer.wait()
        return await fetch_bounds(tps)

    async with bench.running() as pipeline:
        await bench.wait_for(1)
        monkeypatch.setattr(bench.thread, "fetch", fetch_late)
        monkeypatch.setattr(bench.thread, "fetch_bounds", fetch_bounds_late)
        await bench.turn()  # the fetch that is on its way is not late
        bench.thread.append(TP, b"b", b"c")
        await asyncio.wait_for(drained.wait(), 5)
        pipeline._positions.note_rewind(TP)
        pipeline._positions.settle()
        await asyncio.wait_for(asked.wait(), 5)
        deliver.set()  # it fits, but the position it stands for is being changed
        await wait_until_async(
            lambda: TP in pipeline._positions._rewinds or bench.lane.values()[1:]
        )
        answer.set()
        await bench.wait_for(3)
        bench.thread.append(TP, b"d")
        await bench.wait_for(4)

    assert bench.lane.offsets() == [0, 1, 2, 3]


async def test_a_rebalance_ends_a_set_back_and_begins_anew(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    bench.thread.append(TP1, b"x")

    async with bench.running(TP, TP1) as pipeline:
        await bench.wait_for(3)
        bench.lane.finishes = False
        bench.thread.leaderless.add(TP)
        pipeline._positions.note_rewind(TP)
        await wait_until_async(lambda: TP.start in bench.seam.progress.held)
        await pipeline.on_assigned([TP1])  # the group need not have told that partitions go
        held = dict(bench.seam.progress.held)
        await bench.wait_for(4)
        bench.thread.leaderless.clear()
        await pipeline.on_revoked()
        await pipeline.on_assigned([TP, TP1])
        await bench.wait_for(7)

    assert held == {}
    assert offsets_of(bench, TP) == [0, 1, 0, 1]
    assert offsets_of(bench, TP1) == [0, 0, 0]


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_set_back_and_when_each_record_is_handed_out_once_in_order(
    bench: Bench, seed: int
) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    places = [TP, TP1, ELSEWHERE]
    bench.thread.slice_records_max = 3
    for tp in places:
        bench.thread.append(tp, b"x")

    async with bench.running(*places) as pipeline:
        for _ in range(150):
            tp = rng.choice(places)
            match rng.randrange(5):
                case 0:
                    bench.thread.append(tp, *[b"x"] * rng.randint(1, 5))
                case 1:
                    bench.thread.leaderless ^= {tp}
                case 2 if tp in bench.thread.positions:
                    bench.thread.positions[tp] = rng.randint(0, bench.thread.end(tp))
                case 3:
                    pipeline._positions.note_rewind(tp)
                case _:
                    for _ in range(rng.randrange(20)):
                        await asyncio.sleep(0)
        bench.thread.leaderless.clear()
        for tp in places:  # one record more shows a position that stands behind
            bench.thread.append(tp, b"last")
        await wait_until_async(
            lambda: all(len(offsets_of(bench, tp)) >= bench.thread.end(tp) for tp in places),
            what="all records",
        )
        await bench.turn()

    for tp in places:
        assert offsets_of(bench, tp) == list(range(bench.thread.end(tp)))
