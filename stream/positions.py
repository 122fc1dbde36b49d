"""Positions: where each partition is read from, at its start and when it must be set back."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from runtime.logs import get_logger
from runtime.metrics import DEAD_LETTERS_TOTAL
from schemas.errors import DependencyError, FatalError
from stream.attempts import Attempts, parse_attempts
from stream.commits import Committer
from stream.fetch_thread import FETCH_ERRORS, FetchThread
from stream.ledger import Commit, TopicPartition
from stream.seam import Seam
from stream.starts import Lost, Start, find_start
from stream.tasks import Tasks

OFFSETS_TIMEOUT_S: Final = 15.0
TOGETHER_TIMEOUT_S: Final = 5.0
"""How long all partitions may be asked for at once: one without a leader never answers."""
TOPICS_CHECK_S: Final = 10.0

IdentifyTopics = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the ids of the source topics. FatalError: the topics do not fit each other."""

T = TypeVar("T")
log = get_logger(__name__)


async def ask(
    thread: FetchThread, question: Coroutine[Any, Any, T], timeout_s: float = OFFSETS_TIMEOUT_S
) -> T:
    """Return the broker's answer to `question`, asked in the thread.

    Raises:
        DependencyError: there is none, or not in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await thread.call(question)
    except FETCH_ERRORS as error:
        raise DependencyError("kafka", f"{type(error).__name__}: {error}") from error


def _read(tp: TopicPartition, committed: Commit | None, topic_id: str | None) -> Attempts | None:
    """Return what the last owner told; None: there was none, or it speaks of another topic."""
    if committed is None:
        return None
    told = parse_attempts(*committed)
    if _differ(told.topic_id, topic_id):
        log.warning("topic_recreated", topic=tp.topic, partition=tp.partition, was_at=told.at)
        return None
    return replace(told, topic_id=topic_id)


def _differ(topic_id: str | None, other: str | None) -> bool:
    return None not in {topic_id, other} and topic_id != other


class Positions:
    """Keeps the positions of the thread true to what the ledger expects next."""

    def __init__(
        self,
        thread: FetchThread,
        seam: Seam,
        commits: Committer,
        in_flight_max: Callable[[str], int],
        identify_topics: IdentifyTopics,
    ) -> None:
        """Take the first `in_flight_max` offsets of a topic for suspect where owners died."""
        self._thread = thread
        self._seam = seam
        self._commits = commits
        self._in_flight_max = in_flight_max
        self._identify_topics = identify_topics
        self._rewinds: set[TopicPartition] = set()
        """Partitions whose positions do not fit the ledger, until one begins to set them back."""
        self._setting_back: dict[TopicPartition, asyncio.Task[None]] = {}
        """What sets them back; none is fetched from before its task has been seen to end."""
        self._told: dict[TopicPartition, Lost] = {}
        """What was lost of a partition and is told: its start may be looked for again."""
        self._tasks = Tasks()
        self._resolving: asyncio.Task[None] | None = None

    async def forget(self) -> None:
        """There is a new assignment: each of its partitions begins anew."""
        self._resolving = None  # first: whoever looks meanwhile must not take them for failed
        self._setting_back.clear()
        self._rewinds.clear()
        await self._tasks.cancel()
        self._told.clear()

    def note_rewind(self, tp: TopicPartition) -> None:
        """The position of `tp` must be set back to what the ledger expects."""
        self._rewinds.add(tp)

    def unsettled(self) -> set[TopicPartition]:
        """Return the partitions whose positions are not known or do not fit: fetch none of them."""
        return {*self._seam.ledger.unresolved(), *self._rewinds, *self._setting_back}

    def settle(self) -> None:
        """Begin to find the positions that are not known, and to set back those that do not fit.

        Neither is waited for: a partition without a leader may not answer for hours.

        Raises:
            FatalError: the topics do not fit each other, or not what we began with.
        """
        if self._resolving is not None and self._resolving.done():
            self._resolving.result()
            self._resolving = None
        if self._resolving is None and self._seam.ledger.unresolved():
            self._resolving = self._tasks.start(self._resolve())
        for tp in [tp for tp, task in self._setting_back.items() if task.done()]:
            self._setting_back.pop(tp).result()
        for tp in self._rewinds - self._setting_back.keys():
            self._rewinds.discard(tp)
            self._setting_back[tp] = self._tasks.start(self._set_back(tp))

    async def _resolve(self) -> None:
        """Find where partitions begin: all at once, and each for itself where one holds up all."""
        tps = self._seam.ledger.unresolved()
        try:
            await self._resolve_starts(tps, TOGETHER_TIMEOUT_S)
        except DependencyError:
            await asyncio.gather(*(self._resolve_alone(tp) for tp in tps))

    async def _resolve_alone(self, tp: TopicPartition) -> None:
        await self._seam.progress.hold(
            tp.start, lambda: self._resolve_starts([tp], OFFSETS_TIMEOUT_S)
        )

    async def watch_topics(self) -> None:
        """Look from time to time whether the topics are still those that we began with.

        Raises:
            FatalError: one was deleted and created again, or they do not fit each other any more.
        """
        while True:
            await asyncio.sleep(TOPICS_CHECK_S)
            with suppress(DependencyError):
                self._refuse_others(await self._identify_topics())

    def _refuse_others(self, topic_ids: Mapping[str, str]) -> None:
        for tp, ledger in self._seam.ledger.partitions.items():
            found = topic_ids.get(tp.topic)
            if _differ(ledger.attempts.topic_id, found):
                raise FatalError(
                    f"{tp.topic} was deleted and created again: its offsets mean other records "
                    "now; this process starts anew, at their beginning"
                )

    async def _set_back(self, tp: TopicPartition) -> None:
        """Set the position back, however often that fails first; the others do not wait for it."""
        await self._seam.progress.hold(tp.start, lambda: self._try_to_set_back(tp))

    async def _try_to_set_back(self, tp: TopicPartition) -> None:
        """Set the position to what is expected next; what retention took meanwhile is lost.

        After a rebalance in between nothing is set: the new assignment begins anew.
        """
        ledger = self._seam.ledger
        assignment = ledger.assignment
        self._refuse_others(await self._identify_topics())
        offset = ledger.rewind(tp) if ledger.assignment == assignment else None
        if offset is None:
            return
        starts = await self._find_starts({tp: offset})
        if ledger.assignment == assignment:
            await self._begin_at(starts)
        if ledger.assignment == assignment:
            ledger.resolve(tp, starts[tp].offset)
            log.info("position_set_back", **tp._asdict(), offset=starts[tp].offset)

    async def _resolve_starts(self, tps: Collection[TopicPartition], timeout_s: float) -> None:
        """Find where each newly assigned partition begins, and write that its work begins.

        After a rebalance in between nothing is written: the new assignment begins anew.
        """
        ledger, thread = self._seam.ledger, self._thread
        assignment = ledger.assignment
        topic_ids = await self._identify_topics()
        committed = await ask(thread, thread.fetch_committed(tps), timeout_s)
        told = {tp: _read(tp, committed.get(tp), topic_ids.get(tp.topic)) for tp in tps}
        wanted = {tp: it.at if it else None for tp, it in told.items()}
        starts = await self._find_starts(wanted, timeout_s)
        attempts = {}
        for tp, start in starts.items():
            before = told[tp]
            if before is None or before.at != start.offset:
                before = Attempts(start.offset, topic_id=topic_ids.get(tp.topic))
            attempts[tp] = before.taken(start.log_end, self._in_flight_max(tp.topic))
        if not await self._commits.take(attempts, assignment) or ledger.assignment != assignment:
            return
        await self._begin_at(starts)
        if ledger.assignment == assignment:
            for tp, start in starts.items():
                ledger.resolve(tp, start.offset)

    async def _find_starts(
        self, wanted: Mapping[TopicPartition, int | None], timeout_s: float = OFFSETS_TIMEOUT_S
    ) -> dict[TopicPartition, Start]:
        """Return where each partition begins: at the offset that is wanted, if the log has it."""
        bounds = await ask(self._thread, self._thread.fetch_bounds(list(wanted)), timeout_s)
        starts = {tp: find_start(tp, offset, *bounds[tp]) for tp, offset in wanted.items()}
        for start in starts.values():
            if start.lost is not None:
                await self._bury_lost(start.lost)
        return starts

    async def _begin_at(self, starts: Mapping[TopicPartition, Start]) -> None:
        offsets = {tp: start.offset for tp, start in starts.items()}
        await self._thread.call(self._thread.set_positions(offsets))

    async def _bury_lost(self, lost: Lost) -> None:
        """Publish the letter of a lost range, or of what is lost since it was told."""
        tp = TopicPartition(lost.topic, lost.partition)
        told = self._told.get(tp)
        since = lost.first if told is None else max(lost.first, told.end)
        if since >= lost.end:
            return
        letter = lost._replace(first=since).make_letter(self._seam)
        await self._seam.publisher.publish(lost.partition, [letter])
        self._told[tp] = lost
        DEAD_LETTERS_TOTAL.labels(self._seam.agent, "lost").inc()
        log.error(
            "records_lost",
            topic=lost.topic,
            partition=lost.partition,
            first=since,
            end=lost.end,
        )
