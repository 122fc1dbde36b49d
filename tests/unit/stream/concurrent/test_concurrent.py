"""What the concurrent shape promises: any order, commits in order, one held record stops its own."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from schemas.errors import FatalError
from stream import bugs
from stream.batch import Batch, Output
from stream.ledger import Entry
from stream.salvage import UnreadableRecord
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.concurrent_bench import CONCURRENCY, RESULTS
from tests.support.concurrent_bench import ConcurrentBench as Bench
from tests.support.seams import DEAD_LETTERS, REQUESTS
from tests.support.waiting import wait_until_async


async def test_so_many_are_answered_at_a_time_and_no_more(bench: Bench) -> None:
    values = [b"%d" % number for number in range(12)]
    for value in values:
        bench.agent.gate(value)

    bench.hand(*values)
    await bench.until_begun(CONCURRENCY)
    first = list(bench.agent.begun)
    for value in values:
        bench.agent.gate(value).set()
    await bench.until_committable(12)

    assert first == values[:CONCURRENCY]
    assert bench.agent.running_max == CONCURRENCY
    assert bench.agent.begun == values


async def test_a_commit_waits_for_the_slow_record_at_the_head(bench: Bench) -> None:
    bench.agent.gate(b"slow")

    bench.hand(b"slow", b"b", b"c")
    await wait_until_async(lambda: len(bench.publisher.published) == 2)
    before = (bench.committable(), bench.ledger.backlog(REQUESTS)[0])
    bench.agent.gate(b"slow").set()
    await bench.until_committable(3)

    assert before == (0, 1)
    assert bench.publisher.values(RESULTS) == [b"b", b"c", b"slow"]


async def test_a_record_is_done_only_when_the_broker_has_its_outputs(bench: Bench) -> None:
    bench.publisher.gate.clear()

    bench.hand(b"a")
    await bench.until_begun(1)
    finished = await asyncio.wait_for(bench.lane.finish(0.02), 5)
    before = bench.committable()
    bench.publisher.gate.set()
    await bench.until_committable(1)

    assert not finished
    assert before == 0


async def test_what_ends_during_a_publish_goes_out_as_one_batch(bench: Bench) -> None:
    calls: list[int] = []
    publish = bench.publisher.publish

    async def counting(partition: int, outputs: Sequence[Output]) -> None:
        calls.append(len(outputs))
        await publish(partition, outputs)

    bench.publisher.publish = counting  # type: ignore[method-assign]  # -- to look at the calls
    bench.publisher.gate.clear()
    bench.hand(*[b"%d" % number for number in range(9)])
    await bench.until_begun(9)
    bench.publisher.gate.set()
    await bench.until_committable(9)

    assert calls == [1, 8]


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("fault", [b"bad", b"bug", b"large"])
async def test_a_failing_record_is_buried_and_its_neighbours_are_done(
    bench: Bench, position: int, fault: bytes
) -> None:
    values = [b"a", b"b", b"c", b"d"]
    values[position] = fault

    bench.hand(*values)
    await bench.until_committable(4)

    assert bench.publisher.values(RESULTS) == [value for value in values if value != fault]
    assert bench.publisher.values(DEAD_LETTERS) == [fault]
    assert sum(bench.undertaker.counts.values()) == 1


async def test_a_record_without_outputs_is_done(bench: Bench) -> None:
    bench.hand(b"silent", b"b")
    await bench.until_committable(2)

    assert bench.publisher.values(RESULTS) == [b"b"]


async def test_a_held_record_stops_its_partition_and_no_other(bench: Bench) -> None:
    first = [b"held", b"g1", b"g2", b"g3"]
    for value in first:
        bench.agent.gate(value)
    bench.agent.away.add(b"held")
    bench.hand(*first, *[b"%d" % number for number in range(8)])
    await bench.until_begun(CONCURRENCY)  # those behind wait for a slot already

    bench.agent.gate(b"held").set()
    await wait_until_async(lambda: bench.seam.progress.held, what="the record to be held")
    bench.hand(*[b"p%d" % number for number in range(50)], partition=1)
    await bench.until_committable(50, partition=1)
    begun = {value for value in bench.agent.begun if not value.startswith(b"p")}
    while_held = (bench.committable(), list(bench.seam.progress.held))
    bench.agent.away.clear()
    for value in first:
        bench.agent.gate(value).set()
    await bench.until_committable(12)

    assert begun == set(first)
    assert while_held == (0, [f"{REQUESTS}/0"])
    assert bench.seam.progress.held == {}


async def test_held_records_leave_the_slots_to_others(bench: Bench) -> None:
    held = [b"h%d" % number for number in range(CONCURRENCY)]
    bench.agent.away.update(held)

    bench.hand(*held)
    await wait_until_async(lambda: bench.seam.progress.held)
    bench.hand(b"a", b"b", partition=1)
    await bench.until_committable(2, partition=1)

    assert bench.committable() == 0


async def test_a_refused_publish_is_tried_again_and_nothing_is_done_before(bench: Bench) -> None:
    bench.publisher.failures_left = 1_000_000

    bench.hand(b"a", b"b")
    await wait_until_async(lambda: bench.seam.progress.held)
    while_held = bench.committable()
    bench.publisher.failures_left = 0
    await bench.until_committable(2)

    assert while_held == 0
    assert sorted(bench.publisher.values(RESULTS), key=str) == [b"a", b"b"]


async def test_a_fatal_error_ends_the_lane(bench: Bench) -> None:
    bench.hand(b"fatal")
    await bench.until_begun(1)

    await wait_until_async(lambda: not bench.lane._workers.count())

    with pytest.raises(FatalError, match="misconfigured"):
        bench.lane.raise_failure()


async def test_many_bugs_in_a_row_end_the_lane_whatever_their_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bugs, "BUGS_IN_A_ROW_MAX", 6)
    batch, entry = bench.accept([b"bug%d" % number for number in range(6)])
    keyed = [
        FakeRecord(record.offset, key=b"k%d" % (record.offset % 2), value=record.value)
        for record in batch.records
    ]
    bench.agent.gate(b"bug2")

    bench.lane.hand(Batch(REQUESTS, 0, keyed), entry)
    await bench.until_begun(6)
    bench.lane.raise_failure()
    bench.agent.gate(b"bug2").set()
    await wait_until_async(lambda: not bench.lane._workers.count())

    with pytest.raises(FatalError, match="6 records in a row"):
        bench.lane.raise_failure()


async def test_an_unreadable_record_is_buried_in_its_place(bench: Bench) -> None:
    bad = UnreadableRecord(1, TIMESTAMP_MS, b"k", b"v", "a header key is not UTF-8")
    batch, entry = bench.accept([b"a", b"gone", b"c"])
    kept = [batch.records[0], batch.records[2]]

    bench.lane.hand(Batch(REQUESTS, 0, kept, (bad,)), entry)
    await bench.until_committable(3)

    assert bench.publisher.values(DEAD_LETTERS) == [b"v"]
    assert bench.publisher.values(RESULTS) == [b"a", b"c"]


async def test_a_record_that_is_to_be_skipped_is_never_begun(bench: Bench) -> None:
    bench.skips = {(REQUESTS, 0, 1): "it kills us"}

    bench.hand(b"a", b"b", b"c")
    await bench.until_committable(3)

    assert bench.agent.begun == [b"a", b"c"]
    assert bench.publisher.values(DEAD_LETTERS) == [b"b"]


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(4)])
async def test_in_whatever_order_records_end_commits_pass_none_that_has_not(
    bench: Bench, seed: int
) -> None:
    print("seed", seed)
    random_ = random.Random(seed)
    batches: list[tuple[Batch, Entry]] = []
    for partition in (0, 1):
        first = 0
        while first < 20:
            size = random_.randint(1, 9)
            values = [b"%d/%d" % (partition, first + it) for it in range(size)]
            batches.append(bench.accept(values, partition, first))
            first += size
    ends = dict.fromkeys((0, 1), 0)
    unfinished = {0: set[int](), 1: set[int]()}
    for batch, entry in batches:
        ends[batch.partition] = batch.records[-1].offset + 1
        for record in batch.records:
            bench.agent.gate(record.value or b"")
            unfinished[batch.partition].add(record.offset)
        bench.lane.hand(batch, entry)
    while bench.agent.running or any(unfinished.values()):
        await wait_until_async(lambda: bench.agent.running or not any(unfinished.values()))
        value = random_.choice(sorted(bench.agent.running))
        partition, offset = (int(part) for part in value.split(b"/"))
        bench.agent.gate(value).set()
        await wait_until_async(lambda value=value: value in bench.publisher.values(RESULTS))  # type: ignore[misc]  # -- bound now
        unfinished[partition].discard(offset)
        for number, left in unfinished.items():
            assert bench.committable(number) <= min(left, default=ends[number])

    assert [bench.committable(number) for number in (0, 1)] == [ends[0], ends[1]]
    assert bench.ledger.count_unfinished() == 0
