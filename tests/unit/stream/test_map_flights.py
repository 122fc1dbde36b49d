"""Several slices of a partition on their way at once: order and completeness, whatever fails."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DependencyError
from stream import hold
from stream.batch import Batch, Output, Record
from stream.shapes.line import FLIGHTS_MAX
from stream.shapes.map import MapLane
from tests.support.seams import REQUESTS, SeamBench
from tests.support.waiting import wait_until_async

RESULTS = "judgify.results.v1"
SLICE_RECORDS = 2


class FragileBroker:
    """A publisher over one connection after another, which meets the fates it is given in turn.

    `arrives`: written and acknowledged. `unheard`: written, then the connection is gone. `lost`:
    the connection is gone first. Whoever waits on a connection that is gone learns of it at once.
    """

    def __init__(self, fates: Iterable[str]) -> None:
        self.fates = iter(fates)
        self.log: list[tuple[int, bytes | None]] = []
        self.connected = True
        self.running = True
        self.on_their_way: deque[tuple[int, Sequence[Output], asyncio.Future[None]]] = deque()

    async def publish(self, partition: int, outputs: Sequence[Output]) -> None:
        self.connected = True
        await (await self.send(partition, outputs))

    async def send(self, partition: int, outputs: Sequence[Output]) -> "asyncio.Future[None]":
        if not self.connected:
            raise DependencyError("kafka", "not connected")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self.on_their_way.append((partition, outputs, future))
        if self.running:
            loop.call_soon(self.turn)
        return future

    def turn(self) -> None:
        """Meet the next fate."""
        if not self.on_their_way:
            return
        partition, outputs, future = self.on_their_way.popleft()
        fate = next(self.fates, "arrives")
        if fate != "lost":
            self.log += [(partition, output.value) for output in outputs]
        if fate == "arrives":
            future.set_result(None)
            return
        self.connected = False
        for waiting in (future, *(it[2] for it in self.on_their_way)):
            waiting.set_exception(DependencyError("kafka", fate))
            waiting.exception()
        self.on_their_way.clear()

    def first_of_each(self, partition: int) -> list[bytes | None]:
        """Return what a subscriber keeps that drops what it has seen."""
        return list(dict.fromkeys(value for number, value in self.log if number == partition))


class Echo:
    """Answers each record with its value; counts finished batches."""

    def __init__(self) -> None:
        self.finished_batches = 0

    def open_batch(self, _: Batch) -> "Echo":
        return self

    def decide(self, record: Record) -> Output:
        return Output(RESULTS, record.key, record.value)

    def finished(self) -> None:
        self.finished_batches += 1


class Bench(SeamBench):
    """A lane over a fragile broker."""

    def __init__(self, broker: FragileBroker, partitions: int = 1) -> None:
        super().__init__()
        object.__setattr__(self.seam, "publisher", broker)
        self.assign(*range(partitions))
        self.broker = broker
        self.agent = Echo()
        self.lane = MapLane(REQUESTS, self.agent, self.seam, self.undertaker)
        self._next: dict[int, int] = dict.fromkeys(range(partitions), 0)

    def hand(self, partition: int = 0) -> None:
        """Hand out the next slice of `partition`; each value is its offset."""
        first = self._next[partition]
        self._next[partition] = first + SLICE_RECORDS
        values = [b"%d" % offset for offset in range(first, first + SLICE_RECORDS)]
        self.lane.hand(*self.accept(values, partition, first))

    def handed(self, partition: int = 0) -> list[bytes]:
        return [b"%d" % offset for offset in range(self._next[partition])]


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "BACKOFF_FIRST_S", 0.0)


async def run(fates: Sequence[str], partitions: Sequence[int]) -> Bench:
    bench = Bench(FragileBroker(fates), 3)
    for partition in partitions:
        bench.hand(partition)
        await asyncio.sleep(0)  # let the lanes work between two slices
    await wait_until_async(lambda: not bench.ledger.count_unfinished())
    await bench.lane.drop()
    return bench


fates = st.lists(st.sampled_from(["arrives", "arrives", "unheard", "lost"]), max_size=12)


@given(fates, st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_whatever_connections_come_to_each_partition_arrives_whole_and_in_order(
    fates: list[str], partitions: list[int]
) -> None:
    bench = asyncio.run(run(fates, partitions))

    for partition in range(3):
        assert bench.broker.first_of_each(partition) == bench.handed(partition)
        assert bench.committable(partition) == len(bench.handed(partition))
    assert bench.agent.finished_batches == len(partitions)
    assert not bench.seam.progress.held


@pytest.fixture
def stalled() -> Bench:
    broker = FragileBroker([])
    broker.running = False
    return Bench(broker)


async def wait_for_sends(bench: Bench, count: int) -> None:
    await wait_until_async(lambda: len(bench.broker.on_their_way) == count)


async def test_no_more_slices_than_the_bound_are_on_their_way(stalled: Bench) -> None:
    for _ in range(FLIGHTS_MAX + 2):
        stalled.hand()

    await wait_for_sends(stalled, FLIGHTS_MAX)
    for _ in range(10):
        await asyncio.sleep(0)

    assert len(stalled.broker.on_their_way) == FLIGHTS_MAX
    assert stalled.committable() == 0
    await stalled.lane.drop()


async def test_a_later_slice_that_arrives_first_is_finished_after_those_before_it(
    stalled: Bench,
) -> None:
    stalled.hand()
    stalled.hand()
    await wait_for_sends(stalled, 2)
    first, second = stalled.broker.on_their_way

    second[2].set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    before = stalled.committable()
    first[2].set_result(None)
    finished = await stalled.lane.finish(5)

    assert (before, finished, stalled.committable()) == (0, True, 4)
    await stalled.lane.drop()


async def test_what_arrives_after_the_partition_was_taken_away_changes_nothing(
    stalled: Bench,
) -> None:
    stalled.hand()
    await wait_for_sends(stalled, 1)
    [(_, _, future)] = stalled.broker.on_their_way
    await stalled.lane.drop()

    future.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)

    assert stalled.agent.finished_batches == 0
    assert await stalled.lane.finish(0.1)


async def test_a_bug_in_counting_what_arrived_ends_the_process(
    stalled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise KeyError("a label")

    monkeypatch.setattr(stalled.agent, "finished", fail)
    stalled.hand()
    await wait_for_sends(stalled, 1)

    stalled.broker.turn()
    await asyncio.sleep(0)

    with pytest.raises(KeyError):
        stalled.lane.raise_failure()
    await stalled.lane.drop()
