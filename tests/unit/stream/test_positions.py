"""Where partitions begin and are set back to, and that no topic is taken for another."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from runtime.metrics import REGISTRY
from schemas.errors import DependencyError, FatalError
from stream import pipeline as pipeline_module
from stream import positions
from stream.ledger import TopicPartition
from stream.pipeline import Bounds
from stream.rooms import AHEAD_OFFSETS_MAX
from stream.status import describe
from stream.tasks import Tasks
from tests.support.pipeline_bench import ELSEWHERE, TP, TP1
from tests.support.pipeline_bench import PipelineBench as Bench
from tests.support.seams import DEAD_LETTERS, REQUESTS
from tests.support.waiting import wait_until_async
from topics.headers import parse_dead_letter


def count_lost() -> float:
    labels = {"agent": "echo", "reason": "lost"}
    return REGISTRY.get_sample_value("dead_letters_total", labels) or 0.0


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pipeline_module, "ROOM_POLL_S", 0)
    monkeypatch.setattr(pipeline_module, "LINGER_S", 0)
    return Bench()


async def test_a_partition_begins_where_it_was_committed(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b", b"c")
    bench.thread.committed[TP] = 2

    async with bench.running():
        await bench.wait_for(1)

    assert bench.lane.offsets() == [2]


async def test_a_slice_that_is_not_what_comes_next_is_fetched_again(bench: Bench) -> None:
    bench.thread.slice_records_max = 2
    bench.thread.append(TP, b"a", b"b")
    async with bench.running():
        await bench.wait_for(2)

        bench.thread.append(TP, b"c", b"d", b"e", b"f")
        bench.thread.positions[TP] = 4  # a position that jumped
        await bench.wait_for(6)

    assert bench.lane.offsets() == [0, 1, 2, 3, 4, 5]
    assert bench.publisher.published == []


async def test_what_retention_took_before_the_start_is_one_letter_with_its_range(
    bench: Bench,
) -> None:
    bench.thread.append(TP, *[b"x"] * 10)
    bench.thread.committed[TP] = 3
    bench.thread.truncate(TP, 7)

    async with bench.running():
        await bench.wait_for(3)

    assert bench.lane.offsets() == [7, 8, 9]
    [(partition, output)] = bench.publisher.published
    letter = parse_dead_letter(output.headers, output.key, output.value)
    assert (partition, output.topic) == (0, DEAD_LETTERS)
    assert (letter.kind, letter.offset) == ("lost", 3)
    assert "offsets 3 to 6" in letter.reason


async def test_what_retention_took_while_reading_is_one_letter_with_its_range(
    bench: Bench,
) -> None:
    bench.thread.append(TP, b"a", b"b")
    async with bench.running():
        await bench.wait_for(2)

        bench.thread.append(TP, *[b"x"] * 8)
        bench.thread.truncate(TP, 6)
        bench.thread.positions[TP] = 6  # as aiokafka resets it: auto_offset_reset
        await bench.wait_for(6)

    assert bench.lane.offsets() == [0, 1, 6, 7, 8, 9]
    [(_, output)] = bench.publisher.published
    assert "offsets 2 to 5" in parse_dead_letter(output.headers, None, None).reason


async def test_what_is_lost_is_told_before_reading_goes_on(bench: Bench) -> None:
    bench.thread.append(TP, *[b"x"] * 5)
    bench.thread.committed[TP] = 0
    bench.thread.truncate(TP, 2)
    bench.publisher.gate.clear()

    async with bench.running():
        await wait_until_async(lambda: not bench.thread.fetches)
        for _ in range(10):
            await asyncio.sleep(0)
        before = (bench.lane.values(), dict(bench.thread.positions))
        bench.publisher.gate.set()
        await bench.wait_for(3)

    assert before == ([], {})
    assert len(bench.publisher.published) == 1


async def test_what_is_lost_is_told_and_counted_once_however_often_the_start_is_looked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    before = count_lost()
    bench.thread.append(TP, *[b"x"] * 9)
    bench.thread.committed[TP] = 3
    bench.thread.truncate(TP, 6)
    bench.publisher.failures_left = 2
    bench.thread.errors["commit_offsets"] = [KafkaConnectionError() for _ in range(3)]

    async with bench.running():
        await bench.wait_for(3)

    assert len(bench.publisher.published) == 1
    assert count_lost() == before + 1


async def test_what_is_lost_meanwhile_is_told_besides(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    bench.thread.append(TP, *[b"x"] * 9)
    bench.thread.committed[TP] = 3
    bench.thread.truncate(TP, 6)
    bench.thread.errors["commit_offsets"] = [KafkaConnectionError()]
    truncations = iter([6, 8])

    def truncate() -> list[object]:
        bench.thread.truncate(TP, next(truncations, 8))
        return []

    bench.thread.on_bounds = truncate  # type: ignore[assignment]  # -- any callable without arguments
    async with bench.running():
        await bench.wait_for(1)

    letters = [parse_dead_letter(it.headers, None, None) for _, it in bench.publisher.published]
    assert [letter.reason.split(" before")[0] for letter in letters] == [
        "retention removed offsets 3 to 5",
        "retention removed offsets 6 to 7",
    ]


async def test_a_rebalance_while_starts_are_found_makes_them_be_found_anew(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    bench.thread.committed[TP] = 1
    asked: list[int] = []

    def rebalance() -> list[object]:
        asked.append(bench.ledger.epoch)
        if len(asked) == 1:
            bench.ledger.assign([TP])
        return []

    bench.thread.on_bounds = rebalance  # type: ignore[assignment]  # -- any callable without arguments
    async with bench.running():
        await bench.wait_for(1)

    assert len(set(asked)) == 2
    assert bench.lane.offsets() == [1]


async def test_partitions_that_go_and_come_while_starts_are_found_end_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.thread.append(TP, b"a")
    asked, answer = asyncio.Event(), asyncio.Event()
    fetch_committed = bench.thread.fetch_committed

    async def answer_late(tps: Any) -> Any:
        asked.set()
        await answer.wait()
        return await fetch_committed(tps)

    monkeypatch.setattr(bench.thread, "fetch_committed", answer_late)
    async with bench.running() as pipeline:
        await asyncio.wait_for(asked.wait(), 5)
        await pipeline.on_revoked()
        await pipeline.on_assigned([TP])
        answer.set()
        await bench.wait_for(1)

    assert bench.lane.offsets() == [0]


async def test_a_position_is_not_set_back_in_an_assignment_that_came_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.thread.append(TP, b"a", b"b", b"c")
    asked, answer = asyncio.Event(), asyncio.Event()
    async with bench.running() as pipeline:
        await bench.wait_for(3)

        async def identify_late() -> dict[str, str]:
            asked.set()
            await answer.wait()
            return {}

        monkeypatch.setattr(pipeline._positions, "_identify_topics", identify_late)
        pipeline._positions.note_rewind(TP)
        await asyncio.wait_for(asked.wait(), 5)
        bench.lane.finishes = False  # what was handed out is dropped, unfinished
        await pipeline.on_revoked()
        await pipeline.on_assigned([TP])
        answer.set()
        await bench.wait_for(6)

    assert bench.lane.offsets() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("call", ["fetch", "fetch_committed", "fetch_bounds"])
async def test_a_broker_that_fails_is_asked_again_and_nothing_is_skipped(
    bench: Bench, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    bench.thread.append(TP, b"a", b"b")
    bench.thread.errors[call] = [KafkaConnectionError(), OSError("reset"), TimeoutError()]

    async with bench.running():
        await bench.wait_for(2)
        await bench.turn()

    assert bench.lane.offsets() == [0, 1]
    assert bench.seam.progress.held == {}


async def test_a_partition_without_a_leader_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    bench.thread.append(TP, b"a", b"b")
    bench.thread.append(TP1, b"c")
    bench.thread.leaderless = {TP1}

    async with bench.running(TP, TP1):
        await bench.wait_for(2)
        await wait_until_async(lambda: bench.seam.progress.held)
        while_leaderless = (bench.lane.values(), list(bench.seam.progress.held))
        told = describe(bench.seam, None, 0)
        bench.thread.leaderless = set()
        await bench.wait_for(3)

    assert while_leaderless == ([b"a", b"b"], [TP1.start])
    assert [row["held"] and row["held"]["name"] for row in told] == [None, "kafka"]
    assert bench.seam.progress.held == {}


async def test_a_start_is_found_though_another_position_is_set_back_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    for tp in (TP, TP1, ELSEWHERE):
        bench.thread.append(tp, b"x")
    bench.thread.leaderless = {TP}  # so each is looked for by itself, and TP for ever
    asked, answer = asyncio.Event(), asyncio.Event()
    fetch_bounds = bench.thread.fetch_bounds

    async def fetch_bounds_late(tps: Collection[TopicPartition]) -> Any:
        if list(tps) == [TP1]:
            asked.set()
            await answer.wait()
        return await fetch_bounds(tps)

    monkeypatch.setattr(bench.thread, "fetch_bounds", fetch_bounds_late)
    async with bench.running(TP, TP1, ELSEWHERE) as pipeline:
        await asyncio.wait_for(asked.wait(), 5)
        await wait_until_async(bench.other.values)
        pipeline._positions.note_rewind(ELSEWHERE)
        await wait_until_async(lambda: ELSEWHERE not in pipeline._positions.unsettled())
        answer.set()
        await bench.wait_for(1)

    assert bench.ledger.unresolved() == [TP]


async def test_a_topic_that_was_created_again_is_read_from_its_beginning(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b", b"c")
    bench.thread.committed[TP] = 2
    bench.thread.metadata[TP] = "judgify working deaths=2 topic=another"
    bench.topic_ids = {REQUESTS: "this"}

    async with bench.running():
        await bench.wait_for(3)

    assert bench.lane.offsets() == [0, 1, 2]
    assert bench.thread.metadata[TP] == "judgify working topic=this"


async def test_a_topic_that_is_created_again_under_us_ends_the_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "TOPICS_CHECK_S", 0.001)
    bench.topic_ids = {REQUESTS: "this"}
    bench.thread.append(TP, b"a")
    pipeline = bench.make(Bounds())
    await pipeline.on_assigned([TP])
    running = asyncio.create_task(pipeline.run())
    await bench.wait_for(1)

    bench.topic_ids = {REQUESTS: "that"}

    with pytest.raises(FatalError, match="deleted and created again"):
        await asyncio.wait_for(running, 5)


async def test_who_leaves_in_good_order_says_so(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    bench.lane.finishes = False
    async with bench.running() as pipeline:
        await bench.wait_for(2)
        while_working = bench.thread.metadata[TP]

        await pipeline.on_revoked()

    assert (while_working, bench.thread.metadata[TP]) == ("judgify working", "")


@pytest.mark.parametrize(
    ("few", "suspects"), [({}, 10_000), ({REQUESTS: 8}, AHEAD_OFFSETS_MAX + 8)]
)
async def test_only_what_can_have_been_in_flight_is_suspected(
    bench: Bench, few: dict[str, int], suspects: int
) -> None:
    bench.thread.append(TP, *[b"x"] * 12_000)
    bench.thread.committed[TP] = 0
    bench.thread.metadata[TP] = "judgify working deaths=2"

    async with bench.running(bounds=Bounds(few=few)):
        await bench.wait_for(1)

    assert f"deaths=3 careful_until={suspects} " in bench.thread.metadata[TP]


async def test_what_waits_for_a_dependency_is_no_suspect(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    bench.thread.committed[TP] = 0
    bench.thread.metadata[TP] = "judgify working deaths=1"

    async def away() -> None:
        raise DependencyError("postgres", "away")

    tasks = Tasks()
    async with bench.running() as pipeline:
        await bench.wait_for(1)
        counted = bench.thread.metadata[TP]
        tasks.spawn(bench.seam.progress.hold(f"{REQUESTS}/0", away))
        await wait_until_async(lambda: bench.seam.progress.held)
        await pipeline.commits.commit()
        await tasks.cancel()

    assert (counted, bench.thread.metadata[TP]) == ("judgify working deaths=2", "judgify working")
