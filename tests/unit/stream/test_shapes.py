"""What the shapes promise: order, one failure costs one record, nothing is done before its outputs."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Batch, Burial, Output, Record
from stream.hold import Held
from stream.ledger import TopicPartition
from stream.salvage import UnreadableRecord
from stream.shapes.map import MapLane
from stream.shapes.sink import SinkLane
from tests.support.builders import TIMESTAMP_MS
from tests.support.seams import DEAD_LETTERS, REQUESTS, SeamBench
from tests.support.waiting import wait_until_async

RESULTS = "judgify.results.v1"


class Agent:
    """Echoes; fails as the value of a record says, and as often as it is told."""

    def __init__(self) -> None:
        self.held = 0
        self.held_partition: int | None = None
        self.finished_batches = 0

    def open_batch(self, batch: Batch) -> "Agent":
        if batch.partition == self.held_partition:
            raise DependencyError("workflows", "not read yet")
        if self.held:
            self.held -= 1
            raise DependencyError("workflows", "not read yet")
        return self

    def finished(self) -> None:
        self.finished_batches += 1

    def decide(self, record: Record) -> Output:
        if record.value == b"bad":
            raise MessageError("bad", "it says so")
        if record.value == b"bug":
            raise KeyError(record.offset)
        if record.value == b"fatal":
            raise FatalError("misconfigured")
        size = 3_000_000 if record.value == b"large" else 1
        return Output(RESULTS, record.key, (record.value or b"") * size)


@pytest.fixture
def bench() -> SeamBench:
    bench = SeamBench()
    bench.assign(0, 1)
    return bench


@pytest.fixture
async def lane(bench: SeamBench) -> AsyncIterator[MapLane]:
    lane = MapLane(REQUESTS, Agent(), bench.seam, bench.undertaker)
    lane.start()
    yield lane
    await lane.drop()


def agent_of(lane: MapLane) -> Agent:
    agent = lane._agent
    assert isinstance(agent, Agent)
    return agent


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("fault", [b"bad", b"bug", b"large"])
async def test_a_failing_record_is_buried_and_its_neighbours_are_done(
    bench: SeamBench, lane: MapLane, position: int, fault: bytes
) -> None:
    values = [b"a", b"b", b"c", b"d"]
    values[position] = fault

    lane.hand(*bench.accept(values))
    finished = await lane.finish(5)

    assert finished
    assert bench.publisher.values(RESULTS) == [value for value in values if value != fault]
    assert bench.publisher.values(DEAD_LETTERS) == [fault]
    assert bench.committable() == 4
    assert agent_of(lane).finished_batches == 1


async def test_the_order_of_a_partition_is_kept_over_batches(
    bench: SeamBench, lane: MapLane
) -> None:
    for first in range(0, 20, 2):
        lane.hand(*bench.accept([b"%d" % first, b"%d" % (first + 1)], first=first))

    await lane.finish(5)

    assert bench.publisher.values(RESULTS, 0) == [b"%d" % number for number in range(20)]


async def test_nothing_is_committed_before_the_broker_has_the_outputs(
    bench: SeamBench, lane: MapLane
) -> None:
    bench.publisher.gate.clear()
    lane.hand(*bench.accept([b"a"]))
    await asyncio.sleep(0)

    waiting = await lane.finish(0.05)
    before = bench.committable()
    bench.publisher.gate.set()
    await lane.finish(5)

    assert not waiting
    assert before == 0
    assert bench.committable() == 1


async def test_a_batch_that_a_dependency_holds_is_tried_again_whole(
    bench: SeamBench, lane: MapLane
) -> None:
    agent_of(lane).held = 2
    bench.publisher.failures_left = 1

    lane.hand(*bench.accept([b"a", b"bad", b"c"]))
    await lane.finish(5)

    assert bench.publisher.values(RESULTS) == [b"a", b"c"]
    assert bench.committable() == 3
    assert bench.seam.progress.held == {}


async def test_an_operators_order_buries_exactly_that_record(
    bench: SeamBench, lane: MapLane
) -> None:
    bench.skips = {(REQUESTS, 0, 1): "it crashes the press"}

    lane.hand(*bench.accept([b"a", b"b", b"c"]))
    await lane.finish(5)

    assert bench.publisher.values(RESULTS) == [b"a", b"c"]
    [(_, letter)] = [it for it in bench.publisher.published if it[1].topic == DEAD_LETTERS]
    headers = dict(letter.headers)
    assert headers["judgify-dl-kind"] == b"skip"
    assert headers["judgify-dl-reason"] == b"it crashes the press"


async def test_records_that_nobody_could_parse_are_buried_without_headers(
    bench: SeamBench, lane: MapLane
) -> None:
    batch, entry = bench.accept([b"a", b"b"])
    unreadable = UnreadableRecord(7, TIMESTAMP_MS, b"k", b"v", "a header key is not UTF-8")

    lane.hand(Batch(batch.topic, batch.partition, batch.records, [unreadable]), entry)
    await lane.finish(5)

    assert bench.publisher.values(DEAD_LETTERS) == [b"v"]
    assert bench.publisher.values(RESULTS) == [b"a", b"b"]


async def test_a_fatal_error_is_raised_to_whoever_runs_the_lane(
    bench: SeamBench, lane: MapLane
) -> None:
    lane.hand(*bench.accept([b"fatal"]))
    await wait_until_async(lambda: lane._workers._failure is not None)

    with pytest.raises(FatalError):
        lane.raise_failure()
    assert bench.committable() == 0


async def test_what_is_dropped_is_never_finished(bench: SeamBench, lane: MapLane) -> None:
    agent_of(lane).held = 1_000
    lane.hand(*bench.accept([b"a"]))
    await wait_until_async(lambda: f"{REQUESTS}/0" in bench.seam.progress.held)

    await lane.drop()

    assert bench.seam.progress.held == {}
    assert bench.committable() == 0
    assert await lane.finish(0.01)


async def test_what_a_dependency_holds_is_not_waited_for(bench: SeamBench, lane: MapLane) -> None:
    agent_of(lane).held = 1_000
    lane.hand(*bench.accept([b"a"]))
    store = Store()
    store.failures_left = 1_000
    sink = SinkLane("judgify.other.v1", store.write, bench.seam, bench.undertaker)
    sink.start()
    sink.hand(*bench.accept([b"a"], partition=1))
    await wait_until_async(lambda: len(bench.seam.progress.held) == 2)

    ended = [await asyncio.wait_for(it.finish(60), 1) for it in (lane, sink)]
    await sink.drop()

    assert ended == [False, False]


async def test_a_partition_that_is_held_keeps_no_other_from_being_finished(
    bench: SeamBench, lane: MapLane
) -> None:
    agent_of(lane).held_partition = 0
    lane.hand(*bench.accept([b"a"]))
    await wait_until_async(lambda: bench.seam.progress.held)
    bench.publisher.gate.clear()
    lane.hand(*bench.accept([b"b"], partition=1))

    finishing = asyncio.ensure_future(lane.finish(5))
    await asyncio.sleep(0.02)
    before = finishing.done()
    bench.publisher.gate.set()
    finished = await asyncio.wait_for(finishing, 1)

    assert (before, finished) == (False, False)
    assert (bench.committable(0), bench.committable(1)) == (0, 1)


@pytest.mark.parametrize("shape", ["map", "sink"])
async def test_who_waits_for_work_that_is_dropped_waits_no_longer(
    bench: SeamBench, lane: MapLane, shape: str
) -> None:
    """A rebalance may come while the process ends."""
    gate = asyncio.Event()

    async def write(_: Sequence[Batch]) -> Sequence[Burial]:
        await gate.wait()
        return []

    sink = SinkLane(REQUESTS, write, bench.seam, bench.undertaker)
    sink.start()
    dropped: MapLane | SinkLane = lane if shape == "map" else sink
    bench.publisher.gate.clear()
    dropped.hand(*bench.accept([b"a"]))

    finishing = asyncio.ensure_future(dropped.finish(60))
    await asyncio.sleep(0.02)
    assert not finishing.done()
    await dropped.drop()

    await asyncio.wait_for(finishing, 1)
    await sink.drop()


async def test_a_start_that_is_looked_for_holds_up_no_lane_and_outlives_it(
    bench: SeamBench, lane: MapLane
) -> None:
    held = Held("kafka", "no leader", 0)
    bench.seam.progress.held[TopicPartition(REQUESTS, 1).start] = held
    bench.publisher.gate.clear()
    lane.hand(*bench.accept([b"a"]))

    finishing = asyncio.ensure_future(lane.finish(5))
    await asyncio.sleep(0.02)
    bench.publisher.gate.set()
    finished = await finishing
    await lane.drop()

    assert finished
    assert bench.committable() == 1
    assert list(bench.seam.progress.held.values()) == [held]


class Store:
    """A store that remembers each write, and refuses as it is told."""

    def __init__(self) -> None:
        self.writes: list[list[bytes | None]] = []
        self.failures_left = 0

    async def write(self, batches: Sequence[Batch]) -> Sequence[Burial]:
        if self.failures_left:
            self.failures_left -= 1
            raise DependencyError("postgres", "away")
        self.writes.append([record.value for batch in batches for record in batch.records])
        return [
            Burial(batch.topic, batch.partition, record, MessageError("row_refused", "22P05"), "o")
            for batch in batches
            for record in batch.records
            if record.value == b"bad"
        ]


async def test_a_sink_writes_what_has_gathered_of_all_partitions_at_once(
    bench: SeamBench,
) -> None:
    store = Store()
    lane = SinkLane(REQUESTS, store.write, bench.seam, bench.undertaker)
    lane.hand(*bench.accept([b"a", b"b"], partition=0))
    lane.hand(*bench.accept([b"c"], partition=1))

    lane.start()
    await lane.finish(5)
    await lane.drop()

    assert store.writes == [[b"a", b"b", b"c"]]
    assert (bench.committable(0), bench.committable(1)) == (2, 1)


@pytest.mark.parametrize("skips", [{}, {(REQUESTS, 7, 0): "of another partition"}], ids=len)
async def test_a_sink_prepares_at_arrival_what_it_writes_later(
    bench: SeamBench, skips: dict[tuple[str, int, int], str]
) -> None:
    bench.skips = skips
    prepared: list[Batch] = []
    written: list[Batch] = []

    def prepare(batch: Batch) -> Batch:
        prepared.append(Batch(batch.topic, batch.partition, batch.records))
        return prepared[-1]

    async def write(batches: Sequence[Batch]) -> list[Burial]:
        written.extend(batches)
        return []

    lane = SinkLane(REQUESTS, write, bench.seam, bench.undertaker, prepare)
    lane.hand(*bench.accept([b"a"], partition=0))
    assert len(prepared) == 1

    lane.start()
    await lane.finish(5)
    await lane.drop()

    assert written[0] is prepared[0]


async def test_a_sink_holds_the_same_batches_while_its_store_is_away(bench: SeamBench) -> None:
    store = Store()
    store.failures_left = 2
    lane = SinkLane(REQUESTS, store.write, bench.seam, bench.undertaker)
    lane.start()

    lane.hand(*bench.accept([b"a", b"b"]))
    await lane.finish(5)
    await lane.drop()

    assert store.writes == [[b"a", b"b"]]
    assert bench.committable() == 2


async def test_a_row_that_the_store_refuses_is_buried_before_the_batch_is_done(
    bench: SeamBench,
) -> None:
    store = Store()
    lane = SinkLane(REQUESTS, store.write, bench.seam, bench.undertaker)
    lane.start()
    bench.publisher.gate.clear()

    lane.hand(*bench.accept([b"a", b"bad", b"c"]))
    in_time = await lane.finish(0.05)
    before = bench.committable()
    bench.publisher.gate.set()
    await lane.finish(5)
    await lane.drop()

    assert not in_time
    assert before == 0
    assert bench.committable() == 3
    [(_, letter)] = bench.publisher.published
    assert letter.value == b"bad"
    assert dict(letter.headers)["judgify-dl-request-origin"] == b"o"


async def test_a_sink_that_is_dropped_starts_afresh(bench: SeamBench) -> None:
    store = Store()
    store.failures_left = 1_000
    lane = SinkLane(REQUESTS, store.write, bench.seam, bench.undertaker)
    lane.start()
    lane.hand(*bench.accept([b"a"]))
    await wait_until_async(lambda: REQUESTS in bench.seam.progress.held)

    await lane.drop()
    store.failures_left = 0
    bench.assign(0)
    lane.hand(*bench.accept([b"b"]))
    await lane.finish(5)
    await lane.drop()

    assert store.writes == [[b"b"]]


async def test_a_sink_buries_what_an_operator_points_at_and_writes_the_rest(
    bench: SeamBench,
) -> None:
    store = Store()
    bench.skips = {(REQUESTS, 0, 1): "it breaks the index"}
    lane = SinkLane(REQUESTS, store.write, bench.seam, bench.undertaker)
    lane.start()

    lane.hand(*bench.accept([b"a", b"b", b"c"]))
    await lane.finish(5)
    await lane.drop()

    assert store.writes == [[b"a", b"c"]]
    assert bench.publisher.values(DEAD_LETTERS) == [b"b"]
    assert bench.committable() == 3
