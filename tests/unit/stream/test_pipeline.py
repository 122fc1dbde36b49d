"""The pipeline: bounded, true to the positions, commits behind finished work and nothing else."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError
from stream import commits
from stream import pipeline as pipeline_module
from stream.hold import Held
from stream.ledger import TopicPartition
from stream.pipeline import Bounds
from stream.tasks import Tasks
from tests.support.pipeline_bench import ELSEWHERE, OTHER, TP, TP1
from tests.support.pipeline_bench import PipelineBench as Bench
from tests.support.seams import REQUESTS
from tests.support.waiting import wait_until_async


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pipeline_module, "ROOM_POLL_S", 0)
    monkeypatch.setattr(pipeline_module, "LINGER_S", 0)
    return Bench()


async def test_records_are_handed_out_once_each_in_order(bench: Bench) -> None:
    bench.thread.slice_records_max = 2
    bench.thread.append(TP, b"a", b"b", b"c", b"d", b"e")

    async with bench.running():
        await bench.wait_for(5)
        await bench.turn()

    assert bench.lane.values() == [b"a", b"b", b"c", b"d", b"e"]
    assert bench.other.values() == []


async def test_nothing_is_fetched_before_the_group_has_given_an_assignment(bench: Bench) -> None:
    pipeline = bench.make(Bounds())
    tasks = Tasks()
    running = tasks.start(pipeline.run())
    for _ in range(5):
        await asyncio.sleep(0)
    before = (pipeline.joined, list(bench.thread.fetches))

    await pipeline.on_assigned([])
    await bench.turn()
    pipeline.stopping = True
    await asyncio.wait_for(running, 5)

    assert before == (False, [])
    assert pipeline.joined


async def test_so_many_records_are_handed_out_and_no_more(bench: Bench) -> None:
    bench.thread.append(TP, *[b"x"] * 20)
    bench.thread.append(ELSEWHERE, b"y")
    bounds = Bounds(records=4, poll_records=2)

    async with bench.running(TP, ELSEWHERE, bounds=bounds):
        await bench.wait_for(4)
        await bench.turn()
        when_full = len(bench.lane.values())
        full_fetches = bench.thread.fetches[-2:]
        bench.lane.finish_all()
        await bench.wait_for(8)

    assert when_full == 4
    assert full_fetches == [{OTHER}, {OTHER}]
    assert bench.lane.offsets() == list(range(len(bench.lane.offsets())))


async def test_so_many_bytes_are_handed_out_and_no_more(bench: Bench) -> None:
    bench.thread.slice_records_max = 1
    bench.thread.append(TP, *[b"x" * 100] * 20)

    async with bench.running(TP, ELSEWHERE, bounds=Bounds(size_bytes=250)):
        await bench.wait_for(3)
        await bench.turn()
        when_full = len(bench.lane.values())

    assert when_full == 3


@pytest.mark.parametrize("few", [{}, {REQUESTS: 8}])
async def test_however_large_what_is_held_is_no_other_partition_is_kept_from_its_work(
    bench: Bench, few: dict[str, int]
) -> None:
    *held, free = [TopicPartition(REQUESTS, number) for number in range(4)]
    for tp in held:
        bench.thread.append(tp, b"x" * 300)

    bounds = Bounds(size_bytes=400, few=few)
    async with bench.running(*held, free, ELSEWHERE, bounds=bounds):
        await bench.wait_for(3)
        for tp in (*held, free):
            bench.thread.append(tp, b"y" * 300)
        await bench.wait_for(4)
        await bench.turn()
        handed = [(batch.partition, len(batch.records)) for batch, _ in bench.lane.handed]

    assert sorted(handed) == [(number, 1) for number in range(4)]


async def test_revoking_finishes_commits_and_drops(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    async with bench.running(bounds=Bounds(revoke_timeout_s=1.5)) as pipeline:
        await bench.wait_for(2)

        await pipeline.on_revoked()
        after = (bench.thread.committed[TP], bench.lane.drops, dict(bench.ledger.partitions))

    assert after == (2, 1, {})
    assert bench.lane.finish_timeouts_s == [1.5]


async def test_what_does_not_finish_in_time_is_not_committed_when_partitions_go(
    bench: Bench,
) -> None:
    bench.thread.slice_records_max = 1
    bench.thread.append(TP, b"a", b"b", b"c")
    bench.lane.finishes = False
    async with bench.running() as pipeline:
        await bench.wait_for(3)
        bench.ledger.finish(bench.lane.handed[0][1])
        bench.ledger.finish(bench.lane.handed[2][1])

        await pipeline.on_revoked()
        bench.lane.finish_all()
        await pipeline.commits.commit()

    assert bench.thread.committed[TP] == 1
    assert bench.lane.drops == 1


async def test_of_slow_work_few_records_are_handed_out_and_of_the_rest_many(bench: Bench) -> None:
    bench.thread.append(TP, *[b"x"] * 50)
    bench.thread.append(TP1, *[b"y"] * 50)
    bench.thread.append(ELSEWHERE, *[b"z"] * 50)

    async with bench.running(TP, TP1, ELSEWHERE, bounds=Bounds(few={REQUESTS: 8})):
        await bench.wait_for(4)
        await bench.turn(10)
        handed = bench.lane.values()
        freed = bench.lane.handed.pop(0)[1]
        bench.ledger.finish(freed)
        await bench.wait_for(len(handed))
        await bench.turn(10)

    assert len(bench.other.values()) == 50
    assert len(handed) == 8
    assert sorted(set(handed), key=str) == [b"x", b"y"]
    assert bench.ledger.backlog(REQUESTS)[0] <= 8


@pytest.mark.parametrize(
    "error", [KafkaConnectionError(), TimeoutError(), ValueError("whatever it is")]
)
async def test_a_commit_that_fails_is_tried_again(bench: Bench, error: Exception) -> None:
    bench.thread.append(TP, b"a", b"b")
    async with bench.running() as pipeline:
        await bench.wait_for(2)
        bench.lane.finish_all()
        bench.thread.errors["commit_offsets"] = [error]

        await pipeline.commits.commit()
        after_failure = dict(bench.thread.committed)
        await pipeline.commits.commit()
        await pipeline.commits.commit()

    assert after_failure == {TP: 0}
    assert bench.thread.commits == [{TP: 2}]


async def test_commits_come_by_themselves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "COMMIT_INTERVAL_S", 0.001)
    bench.thread.append(TP, b"a", b"b")
    tasks = Tasks()
    async with bench.running() as pipeline:
        tasks.spawn(pipeline.commits.run())
        await bench.wait_for(2)
        bench.lane.finish_all()
        await wait_until_async(lambda: bench.thread.committed.get(TP) == 2)
        await tasks.cancel()


async def test_after_deaths_records_are_handed_out_one_by_one_and_the_next_is_not_fetched(
    bench: Bench,
) -> None:
    bench.thread.append(TP, b"a", b"b", b"c")
    bench.thread.committed[TP] = 0
    bench.thread.metadata[TP] = "judgify working deaths=2"
    bench.thread.append(TP1, b"x", b"y")

    async with bench.running(TP, TP1):
        await bench.wait_for(3)
        await bench.turn(10)
        first = [it for it in bench.lane.values() if it in {b"a", b"b", b"c"}]
        metadata = bench.thread.metadata[TP]
        for number in range(4):
            await bench.wait_for(3 + min(number, 2))
            bench.lane.finish_all()
        await bench.wait_for(5)

    assert first == [b"a"]
    assert metadata == "judgify working fine deaths=3 careful_until=3 marked=0"
    assert sorted(bench.lane.values(), key=str) == [b"a", b"b", b"c", b"x", b"y"]


async def test_fetches_for_other_partitions_do_not_keep_careful_hands_waiting(
    bench: Bench,
) -> None:
    bench.thread.append(TP, b"a", b"b")
    bench.thread.committed[TP] = 0
    bench.thread.metadata[TP] = "judgify working deaths=2"

    async with bench.running(TP, TP1):
        await bench.wait_for(1)
        await bench.turn()
        while_careful_s = bench.thread.fetch_timeouts_s[-1]
        bench.lane.finish_all()
        await bench.wait_for(2)
        await bench.turn()

    assert while_careful_s == pipeline_module.PARTIAL_FETCH_TIMEOUT_S
    assert bench.thread.fetch_timeouts_s[-1] == pipeline_module.FETCH_TIMEOUT_S


@pytest.mark.parametrize("is_held", [False, True])
async def test_a_partition_that_had_no_room_is_not_kept_waiting_by_one_that_has_no_record(
    bench: Bench, *, is_held: bool
) -> None:
    bench.thread.append(TP, b"a", b"b")

    async with bench.running(TP, TP1, bounds=Bounds(records=2)):
        await bench.wait_for(1)
        if is_held:
            bench.seam.progress.held["elsewhere"] = Held("postgres", "away", 0)
        await bench.turn(5)
        while_full_s = bench.thread.fetch_timeouts_s[-1]
        bench.seam.progress.held.clear()
        bench.lane.finish_all()
        await bench.wait_for(2)
        bench.lane.finish_all()
        await bench.turn(5)

    expected = "HELD_FETCH_TIMEOUT_S" if is_held else "PARTIAL_FETCH_TIMEOUT_S"
    assert while_full_s == getattr(pipeline_module, expected)
    assert bench.thread.fetch_timeouts_s[-1] == pipeline_module.FETCH_TIMEOUT_S


async def test_stopping_hands_out_nothing_more(bench: Bench) -> None:
    pipeline = bench.make(Bounds())
    await pipeline.on_assigned([TP])
    bench.thread.append(TP, b"a", b"b")
    bench.ledger.resolve(TP, 0)
    bench.thread.positions[TP] = 0
    pipeline.stopping = True

    await pipeline._fetch({TP: 10})
    await pipeline.run()

    assert bench.thread.positions == {TP: 2}
    assert bench.lane.values() == []
    assert bench.committable() == 0


async def test_a_lane_that_cannot_go_on_ends_the_pipeline(bench: Bench) -> None:
    bench.lane.failure = FatalError("told to stop")

    with pytest.raises(FatalError, match="told to stop"):
        await bench.make(Bounds()).run()


async def test_work_for_an_idle_process_starts_the_watchdogs_time(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    async with bench.running():
        await bench.wait_for(1)
        bench.clock.advance(50)
        bench.thread.append(TP, b"b")
        await bench.wait_for(2)
        while_busy_s = bench.seam.progress.completed_at_s
        bench.lane.finish_all()
        bench.thread.append(TP, b"c")
        await bench.wait_for(3)

    assert while_busy_s == bench.clock.monotonic_s() - 50
    assert bench.seam.progress.completed_at_s == bench.clock.monotonic_s()


async def test_the_newest_record_puts_the_brokers_clock_forward(bench: Bench) -> None:
    bench.clock.set_wall_ms(0)
    ahead = bench.seam.clock.now_ms() + 60_000
    bench.thread.append(TP, b"a")
    bench.thread.logs[TP] = [
        type(record)(record.offset, timestamp=ahead, value=record.value)
        for record in bench.thread.logs[TP]
    ]

    async with bench.running():
        await bench.wait_for(1)

    assert bench.seam.clock.now_ms() == ahead
