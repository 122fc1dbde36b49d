"""What is drained from aiokafka's own fetcher: slices that tell where they lie, and lose nothing."""

import asyncio
import struct
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer import fetcher as theirs
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException, KafkaError, UnknownError
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import OffsetAndMetadata

from schemas.errors import FatalError
from stream.app import make_app
from stream.fetch_thread import FetchThread
from stream.fetched import Fetched
from stream.internals import KeptRecords, LightPartitionRecords
from stream.ledger import Commit, TopicPartition
from stream.member import _DaemonWorker, _ThreadOwner
from tests.support.record_batches import build_batch
from tests.support.waiting import wait_until_async

TOPICS = {"t", "u"}
TP, OTHER = TopicPartition("t", 0), TopicPartition("u", 0)


class IdleFetcher(theirs.Fetcher):  # type: ignore[misc]  # -- untyped
    """aiokafka's fetcher, which asks no broker."""

    async def _fetch_requests_routine(self) -> None:
        await asyncio.Event().wait()


class FakeCoordinator:
    """Stands for the coordinator: its error waits until somebody takes it."""

    def __init__(self) -> None:
        self._coordination_task = asyncio.get_running_loop().create_future()
        self.errors: list[Exception] = []

    def check_errors(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def fetch_committed_offsets(self, tps: list[Any]) -> dict[Any, Any]:
        return {tp: OffsetAndMetadata(7, "told") for tp in tps if tp == TP}


class FakeConsumer:
    """Implements what the thread asks of an aiokafka consumer, around the real fetcher."""

    def __init__(self) -> None:
        self._subscription = SubscriptionState()
        self._subscription.subscribe(TOPICS)
        self._subscription.assign_from_subscribed({aiokafka.TopicPartition(*TP)})
        client = SimpleNamespace(_loop=asyncio.get_running_loop(), _metadata_max_age_ms=1_000)
        self._fetcher = IdleFetcher(client, self._subscription)
        self._fetcher._fetch_task = asyncio.get_running_loop().create_future()
        self._coordinator = FakeCoordinator()
        self.commits: list[Any] = []
        self.stopped = 0

    def assignment(self) -> set[Any]:
        return set(self._subscription.assigned_partitions())

    def seek(self, tp: Any, offset: int) -> None:
        self._subscription.seek(tp, offset)

    async def commit(self, offsets: Any) -> None:
        self.commits.append(offsets)

    async def beginning_offsets(self, tps: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(tps, 3)

    async def end_offsets(self, tps: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(tps, 9)

    async def stop(self) -> None:
        self.stopped += 1


class Bench:
    """A thread that does not run, over a consumer of which a test says what has arrived."""

    def __init__(self, thread: FetchThread, consumer: FakeConsumer) -> None:
        self.thread = thread
        self.consumer = consumer
        self.fetcher = consumer._fetcher
        self.assign(TP)

    def assign(self, *tps: TopicPartition) -> None:
        self.consumer._subscription.assign_from_subscribed(
            {aiokafka.TopicPartition(*tp) for tp in tps}
        )
        for tp in tps:
            self.state(tp).seek(0)

    def state(self, tp: TopicPartition = TP) -> Any:
        assignment = self.consumer._subscription.subscription.assignment
        return assignment.state_value(aiokafka.TopicPartition(*tp))

    def arrive(self, data: bytes, tp: TopicPartition = TP, start: int = 0) -> None:
        place = aiokafka.TopicPartition(*tp)
        reader = LightPartitionRecords(place, KeptRecords(data), None, start, None, None, True, 1)
        assignment = self.consumer._subscription.subscription.assignment
        self.fetcher._records[place] = theirs.FetchResult(
            place, assignment=assignment, partition_records=reader, backoff=0
        )

    async def fetch(self, records_max: int = 100, timeout_s: float = 0.0) -> list[Fetched]:
        return await self.thread.fetch({TP: 1_000, OTHER: 1_000}, records_max, timeout_s, epoch=5)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    owner = _ThreadOwner(make_app("u", "127.0.0.1:1"))
    thread = FetchThread(owner, Worker=_DaemonWorker)  # type: ignore[arg-type]  # -- what it asks of it
    thread.thread_loop.close()
    thread.thread_loop = thread.main_loop = asyncio.get_running_loop()
    consumer = FakeConsumer()
    thread._consumer = consumer
    thread.gate_open = True
    yield Bench(thread, consumer)
    consumer._fetcher._fetch_task.cancel()
    await asyncio.gather(consumer._fetcher._fetch_task, return_exceptions=True)


def values(fetched: Fetched) -> list[bytes | None]:
    return [record.value for record in fetched.records]


async def test_a_slice_tells_where_it_lies_and_what_it_weighs(bench: Bench) -> None:
    bench.arrive(build_batch([b"aa", b"bb"]))

    [fetched] = await bench.fetch()

    piece = fetched.slice
    assert values(fetched) == [b"aa", b"bb"]
    assert (piece.partition, piece.start, piece.end, piece.epoch) == (TP, 0, 2, 5)
    assert (piece.records, piece.size_bytes, piece.oldest_timestamp_ms) == (2, 12, 1_000)
    assert bench.state().position == 2
    assert not bench.fetcher._records


async def test_so_many_records_are_taken_and_the_rest_stays(bench: Bench) -> None:
    bench.assign(TP, OTHER)
    bench.arrive(build_batch([b"a", b"b", b"c"]))
    bench.arrive(build_batch([b"x"]), OTHER)

    first, second, third = [await bench.fetch(2) for _ in range(3)]

    assert [values(it) for it in first] == [[b"a", b"b"]]
    assert [(it.slice.start, it.slice.end) for it in first + second] == [(0, 2), (2, 3), (0, 1)]
    assert [values(it) for it in second] == [[b"c"], [b"x"]]
    assert [(it.slice.records, it.slice.start, it.slice.end) for it in third] == [(0, 1, 1)]
    assert await bench.fetch() == []


async def test_of_each_partition_as_many_are_taken_as_it_has_room_for(bench: Bench) -> None:
    bench.assign(TP, OTHER)
    bench.arrive(build_batch([b"a", b"b", b"c"]))
    bench.arrive(build_batch([b"x", b"y"]), OTHER)

    fetched = await bench.thread.fetch({TP: 2, OTHER: 1}, 100, 0, epoch=5)

    assert [values(it) for it in fetched] == [[b"a", b"b"], [b"x"]]


async def test_a_topic_without_room_is_left_where_it_is(bench: Bench) -> None:
    bench.assign(TP, OTHER)
    bench.arrive(build_batch([b"a"]))
    bench.arrive(build_batch([b"x"]), OTHER)

    fetched = await bench.thread.fetch({TopicPartition("u", 0): 100}, 100, 0, epoch=5)

    assert [it.slice.partition for it in fetched] == [OTHER]
    assert list(bench.fetcher._records) == [aiokafka.TopicPartition(*TP)]


async def test_what_arrived_for_another_position_is_dropped(bench: Bench) -> None:
    bench.arrive(build_batch([b"a", b"b"]))
    bench.state().seek(1)

    assert await bench.fetch() == []
    assert not bench.fetcher._records
    assert bench.state().position == 1


async def test_an_unreadable_record_comes_out_apart_and_the_position_passes_it(
    bench: Bench,
) -> None:
    bench.arrive(build_batch([b"a", b"b", b"c"], unreadable={1}))

    [fetched] = await bench.fetch()

    assert values(fetched) == [b"a", b"c"]
    assert [it.value for it in fetched.unreadable] == [b"b"]
    assert (fetched.slice.records, fetched.slice.end) == (3, 3)
    assert bench.state().position == 3


async def test_a_damaged_batch_is_an_error_and_is_fetched_anew(bench: Bench) -> None:
    data = bytearray(build_batch([b"a", b"b"]))
    data[-1] ^= 0xFF
    bench.arrive(bytes(data))

    with pytest.raises(CorruptRecordException):
        await bench.fetch()
    assert bench.state().position == 0
    assert not bench.fetcher._records


async def test_a_marker_that_cannot_be_read_is_an_error_of_the_broker(bench: Bench) -> None:
    marker = bytearray(build_batch([b"x"]))
    struct.pack_into(">q", marker, 0, 1)
    marker[22] |= 0x20  # a control batch, whose key should tell what it marks
    struct.pack_into(">I", marker, 17, calc_crc32c(bytes(marker[21:])))
    bench.arrive(build_batch([b"a"], {0}) + bytes(marker))

    with pytest.raises(CorruptRecordException):
        await bench.fetch()


async def test_what_the_broker_answered_is_raised_once(bench: Bench) -> None:
    error = theirs.FetchError(error=KafkaError("no leader"), backoff=0)
    bench.fetcher._records[aiokafka.TopicPartition(*TP)] = error

    with pytest.raises(KafkaError, match="no leader"):
        await bench.fetch()
    assert await bench.fetch() == []


async def test_nothing_is_drained_while_the_gate_is_closed(bench: Bench) -> None:
    bench.thread.gate_open = False
    bench.arrive(build_batch([b"a"]))

    closed = await bench.fetch(timeout_s=0.03)
    bench.thread.gate_open = True

    assert closed == []
    assert len(await bench.fetch()) == 1


async def test_who_waits_is_woken_by_what_arrives(bench: Bench) -> None:
    waiting = asyncio.ensure_future(bench.fetch(timeout_s=5))
    await wait_until_async(lambda: bench.fetcher._fetch_waiters)

    bench.arrive(build_batch([b"a"]))
    bench.fetcher._notify(next(iter(bench.fetcher._fetch_waiters)))

    [fetched] = await asyncio.wait_for(waiting, 1)
    assert values(fetched) == [b"a"]


async def test_a_wait_that_finds_nothing_leaves_no_waiter(bench: Bench) -> None:
    assert await bench.fetch(timeout_s=0.005) == []
    await asyncio.sleep(0)

    assert bench.fetcher._fetch_waiters == set()


class Listener:
    """Notes what the main loop is told, and whether the gate was open then."""

    def __init__(self, thread: FetchThread) -> None:
        self.thread = thread
        self.told: list[tuple[str, bool]] = []

    async def on_revoked(self) -> None:
        self.told.append(("revoked", self.thread.gate_open))

    async def on_assigned(self, assigned: Any) -> None:
        assert list(assigned) == [TP]
        self.told.append(("assigned", self.thread.gate_open))


async def test_the_gate_is_closed_from_revocation_until_the_assignment_is_taken_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed: dict[str, Any] = {}
    monkeypatch.setattr(
        bench.consumer, "subscribe", lambda **options: subscribed.update(options), raising=False
    )
    bench.thread.listener = listener = Listener(bench.thread)
    await bench.thread.join(["t"])
    gate = subscribed["listener"]

    await gate.on_partitions_revoked([aiokafka.TopicPartition(*TP)])
    between = bench.thread.gate_open
    await gate.on_partitions_assigned([aiokafka.TopicPartition(*TP)])

    assert subscribed["topics"] == {"t"}
    assert listener.told == [("revoked", False), ("assigned", False)]
    assert (between, bench.thread.gate_open) == (False, True)


async def test_who_had_nothing_is_not_told_that_it_goes(bench: Bench) -> None:
    bench.thread.listener = listener = Listener(bench.thread)

    await bench.thread.tell_revoked([])

    assert listener.told == []


async def test_offsets_are_asked_for_set_and_committed_by_partition(bench: Bench) -> None:
    thread = bench.thread

    assert await thread.fetch_committed([TP, OTHER]) == {TP: Commit(7, "told")}
    assert await thread.fetch_bounds([TP, OTHER]) == {TP: (3, 9), OTHER: (3, 9)}
    await thread.set_positions({TP: 4, OTHER: 4})  # OTHER is not ours: passed over
    await thread.commit_offsets({TP: Commit(4, "tell")})
    await thread.leave()

    assert bench.state().position == 4
    assert bench.consumer.commits == [{aiokafka.TopicPartition(*TP): (4, "tell")}]
    assert bench.consumer.stopped == 1


async def test_the_end_of_the_log_is_what_the_last_fetch_told(bench: Bench) -> None:
    bench.state().highwater = 12

    assert bench.thread.end_of_log(TP) == 12
    assert bench.thread.end_of_log(OTHER) is None
    bench.consumer._subscription.unsubscribe()
    assert bench.thread.end_of_log(TP) is None


async def test_a_call_that_is_cancelled_is_cancelled_in_the_thread(bench: Bench) -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    call = asyncio.ensure_future(bench.thread.call(work()))
    for _ in range(5):
        await asyncio.sleep(0)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_an_error_of_the_coordinator_is_taken_and_told(bench: Bench) -> None:
    """aiokafka waits for ever until somebody does, and is no member of the group meanwhile."""
    bench.consumer._coordinator.errors = [UnknownError()]

    with pytest.raises(UnknownError):
        await bench.fetch()
    assert await bench.fetch() == []


async def test_a_background_task_that_has_ended_ends_the_process(bench: Bench) -> None:
    bench.consumer._fetcher._fetch_task.set_result(None)

    with pytest.raises(FatalError, match="starts anew"):
        await bench.fetch()
