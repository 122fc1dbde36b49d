"""Faust's consumer thread, made to hand out slices of partitions instead of single records.

The thread owns the aiokafka consumer: heartbeats, rebalances and fetches go on while the main loop
works. Everything here runs in that thread's loop, but for `call`.
"""

import asyncio
import time
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Mapping
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

import aiokafka
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from typing_extensions import override

from runtime.logs import get_logger
from schemas.errors import FatalError
from stream.fetched import Fetched, size_of
from stream.ledger import Commit, Slice, TopicPartition
from stream.salvage import UnreadableRecord

FETCH_WAIT_MS: Final = 50
"""How long the broker may hold a fetch that finds nothing; bounds what one idle fetch can delay."""
FETCH_BYTES_MAX: Final = 8_388_608
"""Of one answer of a broker: it is held several times over while it is read. The first partition
of a request always gets one batch, however large, and aiokafka shuffles them."""
_GATE_POLL_S: Final = 0.02

T = TypeVar("T")
log = get_logger(__name__)


class AssignmentListener(Protocol):
    """Who is told, in the main loop, that partitions go and come."""

    async def on_revoked(self) -> None:
        """Finish what is in flight, within the bound of the shape, and commit."""
        ...

    async def on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Start with these partitions."""
        ...


class _GateListener(ConsumerRebalanceListener):  # type: ignore[misc]  # -- untyped base
    """Closes the gate before partitions go and opens it when the main loop knows the new ones."""

    def __init__(self, thread: "FetchThread") -> None:
        self._thread = thread

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> Awaitable[None]:
        self._thread.gate_open = False
        return self._thread.tell_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        await self._thread.tell_assigned([TopicPartition(*tp) for tp in assigned])
        self._thread.gate_open = True


class FetchThread(AIOKafkaConsumerThread):
    """The thread that is a member of the group.

    `gate_open` is False from the moment a rebalance begins until the main loop has taken in the
    new assignment: in between nothing is drained, so no slice can belong to an assignment that
    its epoch does not name.
    """

    abstract = False
    gate_open = False
    listener: AssignmentListener
    main_loop: asyncio.AbstractEventLoop

    @override
    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 -- Faust fixes 1,500
        consumer._fetch_max_bytes = FETCH_BYTES_MAX  # noqa: SLF001 -- Faust leaves it at 50 MiB
        return consumer

    # -- called from the main loop ----------------------------------------

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in this thread's loop and return what it returns."""
        future = asyncio.run_coroutine_threadsafe(work, self.thread_loop)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.cancel()
            raise

    # -- rebalances -------------------------------------------------------

    async def tell_revoked(self, revoked: Iterable[Any]) -> None:
        if list(revoked):
            await self._tell(self.listener.on_revoked())

    async def tell_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._tell(self.listener.on_assigned(assigned))

    async def _tell(self, told: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(told, self.main_loop))

    async def join(self, topics: Collection[str]) -> None:
        """Become a member of the group for `topics`."""
        self._ensure_consumer().subscribe(topics=set(topics), listener=_GateListener(self))

    # -- offsets ----------------------------------------------------------

    async def commit_offsets(self, commits: Mapping[TopicPartition, Commit]) -> None:
        await self._ensure_consumer().commit(
            {_as_theirs(tp): OffsetAndMetadata(*commit) for tp, commit in commits.items()}
        )

    async def fetch_committed(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, Commit]:
        """Return what is committed; a partition that never was is left out."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 -- committed() hides the metadata
        found = await coordinator.fetch_committed_offsets([_as_theirs(tp) for tp in tps])
        return {
            TopicPartition(*theirs): Commit(committed.offset, committed.metadata or "")
            for theirs, committed in found.items()
        }

    async def fetch_bounds(
        self, tps: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Return the first offset and the end of the log of each partition."""
        consumer = self._ensure_consumer()
        theirs = [_as_theirs(tp) for tp in tps]
        first = await consumer.beginning_offsets(theirs)
        last = await consumer.end_offsets(theirs)
        return {tp: (first[_as_theirs(tp)], last[_as_theirs(tp)]) for tp in tps}

    async def set_positions(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            if _as_theirs(tp) in consumer.assignment():
                consumer.seek(_as_theirs(tp), offset)

    def end_of_log(self, tp: TopicPartition) -> int | None:
        """Return the newest end that a fetch has told, or None; no request is made."""
        assignment = self._ensure_consumer()._subscription.subscription  # noqa: SLF001 -- no public way without a request
        if assignment is None or assignment.assignment is None:
            return None
        theirs = _as_theirs(tp)
        if theirs not in assignment.assignment.tps:
            return None
        end: int | None = assignment.assignment.state_value(theirs).highwater
        return end

    async def leave(self) -> None:
        """Leave the group and close the connections."""
        await self._ensure_consumer().stop()

    # -- fetching ---------------------------------------------------------

    async def fetch(
        self, wanted: Mapping[TopicPartition, int], records_max: int, timeout_s: float, epoch: int
    ) -> list[Fetched]:
        """Return what has arrived of `wanted`, waiting at most `timeout_s` for the first of it.

        `wanted` says how many records of each partition at most, `records_max` how many in all.

        Raises:
            KafkaError: what the broker answered; positions are unchanged.
            FatalError: a background task of aiokafka has ended: nothing would ever arrive.
        """
        self._check_alive()
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001 -- the public calls copy each record
        deadline_s = time.monotonic() + timeout_s
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001 -- keeps the member active
            while True:
                drained = self._drain(fetcher, wanted, records_max, epoch) if self.gate_open else []
                left_s = deadline_s - time.monotonic()
                if drained or left_s <= 0:
                    return drained
                await self._wait_for_arrival(fetcher, left_s)

    async def stay(self, timeout_s: float) -> None:
        """Be an active member for so long, without asking for any record.

        Raises:
            KafkaError: what became of joining the group.
            FatalError: as `fetch` does.
        """
        self._check_alive()
        with self._ensure_consumer()._fetcher._subscriptions.fetch_context():  # noqa: SLF001 -- as fetch() does
            await asyncio.sleep(timeout_s)

    def _check_alive(self) -> None:
        """Look at aiokafka's background tasks, as its own fetch calls do.

        The coordination task waits for ever until somebody takes the error it met, and would
        never join the group again.
        """
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 -- as getmany() does
        coordinator.check_errors()
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001 -- no public way
        if coordinator._coordination_task.done() or fetcher._fetch_task.done():  # noqa: SLF001 -- no public way
            raise FatalError("a background task of aiokafka has ended; this process starts anew")

    async def _wait_for_arrival(self, fetcher: Any, timeout_s: float) -> None:
        if not self.gate_open:
            await asyncio.sleep(_GATE_POLL_S)
            return
        waiter = fetcher._create_fetch_waiter()  # noqa: SLF001 -- as fetched_records() waits
        done, _ = await asyncio.wait([waiter], timeout=timeout_s)
        if done:
            waiter.result()
        else:
            waiter.cancel()

    def _drain(
        self, fetcher: Any, wanted: Mapping[TopicPartition, int], records_max: int, epoch: int
    ) -> list[Fetched]:
        """Take what has arrived; an error waits until what came before it is handed out."""
        drained: list[Fetched] = []
        for tp in list(fetcher._records):  # noqa: SLF001 -- what has arrived
            if tp not in wanted:
                continue
            try:
                taken = self._take_arrived(fetcher, tp, min(records_max, wanted[tp]), epoch)
            except KafkaError as error:
                if not drained:
                    raise
                log.warning("slice_unreadable", topic=tp.topic, error=str(error))
                break  # it is fetched anew; what came before it is handed out first
            if taken is not None:
                drained.append(taken)
                records_max -= len(taken.records)
            if records_max <= 0:
                break
        return drained

    def _take_arrived(self, fetcher: Any, tp: Any, records_max: int, epoch: int) -> Fetched | None:
        arrived = fetcher._records[tp]  # noqa: SLF001 -- a FetchResult or a FetchError
        if not hasattr(arrived, "has_more"):
            self._forget(fetcher, tp)
            arrived.check_raise()
        return self._take(fetcher, tp, arrived, records_max, epoch)

    def _take(
        self, fetcher: Any, tp: Any, arrived: Any, records_max: int, epoch: int
    ) -> Fetched | None:
        if not arrived.check_assignment(tp) or not arrived.has_more():
            self._forget(fetcher, tp)
            return None
        parts = arrived._partition_records  # noqa: SLF001 -- the reader of the fetched bytes
        start = parts.next_fetch_offset
        try:
            records = list(islice(parts, records_max))
            unreadable: list[UnreadableRecord] = []
            exhausted = len(records) < records_max
        except Exception:  # noqa: BLE001 -- aiokafka's parser raises anything on hostile bytes
            parts, everything = self._salvage(fetcher, tp, parts, start)
            unreadable = [record for record in everything if isinstance(record, UnreadableRecord)]
            records = [record for record in everything if not isinstance(record, UnreadableRecord)]
            exhausted = True
        end = parts.next_fetch_offset
        arrived._assignment.state_value(tp).consumed_to(end)  # noqa: SLF001 -- as getall() does
        if exhausted:
            self._forget(fetcher, tp)
        size_bytes = sum(map(size_of, records)) + sum(map(size_of, unreadable))
        oldest_ms = records[0].timestamp if records else None
        count = len(records) + len(unreadable)
        piece = Slice(TopicPartition(*tp), start, end, epoch, count, size_bytes, oldest_ms)
        return Fetched(piece, records, unreadable)

    def _salvage(self, fetcher: Any, tp: Any, parts: Any, start: int) -> tuple[Any, list[Any]]:
        """Read the same bytes leniently; KafkaError: they are damaged, and fetched anew."""
        self._forget(fetcher, tp)
        parts = parts.salvage(start)
        try:
            # Of a batch that was begun before, the beginning is read again.
            return parts, [record for record in parts if record.offset >= start]
        except KafkaError:
            raise
        except Exception as error:
            # What brokers write themselves, as the markers of transactions, is not for us to bury.
            raise CorruptRecordException(f"{type(error).__name__}: {error}") from error

    @staticmethod
    def _forget(fetcher: Any, tp: Any) -> None:
        """Drop what has arrived of `tp`, so that the next part of it is fetched."""
        fetcher._records.pop(tp, None)  # noqa: SLF001 -- as fetched_records() does
        fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001 -- as fetched_records() does


def _as_theirs(tp: TopicPartition) -> Any:
    return aiokafka.TopicPartition(tp.topic, tp.partition)


FETCH_ERRORS: Final[tuple[type[Exception], ...]] = (KafkaError, OSError, TimeoutError)
"""What a call to the broker may raise that time may heal."""
