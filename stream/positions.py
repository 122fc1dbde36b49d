"""Positions: where each partition is read from, at its start and when it must be set back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from runtime.logs import get_logger
from schemas.errors import DependencyError
from stream.attempts import Attempts, parse_attempts
from stream.commits import Committer
from stream.fetch_thread import FETCH_ERRORS, FetchThread
from stream.ledger import Commit, TopicPartition
from stream.seam import Seam
from stream.starts import Lost, Start, find_start

OFFSETS_TIMEOUT_S: Final = 15.0

T = TypeVar("T")
log = get_logger(__name__)


async def ask(thread: FetchThread, question: Coroutine[Any, Any, T]) -> T:
    """Return the broker's answer to `question`, asked in the thread.

    Raises:
        DependencyError: there is none, or not in time.
    """
    try:
        async with asyncio.timeout(OFFSETS_TIMEOUT_S):
            return await thread.call(question)
    except FETCH_ERRORS as error:
        raise DependencyError("kafka", f"{type(error).__name__}: {error}") from error


class Positions:
    """Keeps the positions of the thread true to what the ledger expects next."""

    def __init__(
        self,
        thread: FetchThread,
        seam: Seam,
        commits: Committer,
        in_flight_max: int,
        check_topics: Callable[[], Awaitable[None]],
    ) -> None:
        """Run `check_topics` before a start is found: partition counts may have changed.

        `in_flight_max`: how many records of a partition may have been handed out when its last
        owner died.
        """
        self._thread = thread
        self._seam = seam
        self._commits = commits
        self._in_flight_max = in_flight_max
        self._check_topics = check_topics
        self._rewinds: dict[TopicPartition, int] = {}
        """Positions that do not fit the ledger; kept until they are set back."""

    def forget(self) -> None:
        """There is a new assignment: each of its partitions begins anew."""
        self._rewinds.clear()

    def note_rewind(self, tp: TopicPartition, offset: int) -> None:
        """The position of `tp` must be set back to `offset`."""
        self._rewinds[tp] = offset

    async def settle(self) -> None:
        """Set every position that is not where the ledger expects it.

        Raises:
            DependencyError: not all of them are set; call again.
        """
        if self._seam.ledger.unresolved():
            await self._resolve_starts()
        if self._rewinds:
            await self._set_back()

    async def _set_back(self) -> None:
        """Set positions back to what is expected next; what retention took meanwhile is lost."""
        ledger, rewinds = self._seam.ledger, dict(self._rewinds)
        log.info("positions_set_back", partitions=len(rewinds))
        for tp in rewinds:
            ledger.rewind(tp)
        epoch = ledger.epoch
        starts = await self._find_starts(rewinds)
        if ledger.epoch == epoch:
            await self._begin_at(starts)
            for tp, start in starts.items():
                ledger.resolve(tp, start.offset)
            self._rewinds.clear()

    async def _resolve_starts(self) -> None:
        """Find where each newly assigned partition begins, and write that its work begins.

        After a rebalance in between nothing is written: the new assignment begins anew.
        """
        ledger, thread = self._seam.ledger, self._thread
        epoch, tps = ledger.epoch, ledger.unresolved()
        await self._check_topics()
        found = await ask(thread, thread.fetch_committed(tps))
        starts = await self._find_starts(
            {tp: found[tp].offset if tp in found else None for tp in tps}
        )
        attempts = {tp: self._take(found.get(tp), start) for tp, start in starts.items()}
        if ledger.epoch != epoch:
            return
        await self._commits.take({tp: Commit(it.at, it.encode()) for tp, it in attempts.items()})
        if ledger.epoch != epoch:
            return
        await self._begin_at(starts)
        for tp, start in starts.items():
            ledger.resolve(tp, start.offset, attempts[tp])

    def _take(self, found: Commit | None, start: Start) -> Attempts:
        told = Attempts(start.offset)
        if found is not None and found.offset == start.offset:
            told = parse_attempts(*found)
        return told.taken(start.log_end, self._in_flight_max)

    async def _find_starts(
        self, wanted: Mapping[TopicPartition, int | None]
    ) -> dict[TopicPartition, Start]:
        """Return where each partition begins: at the offset that is wanted, if the log has it."""
        bounds = await ask(self._thread, self._thread.fetch_bounds(list(wanted)))
        starts = {tp: find_start(tp, offset, *bounds[tp]) for tp, offset in wanted.items()}
        for start in starts.values():
            if start.lost is not None:
                await self._bury_lost(start.lost)
        return starts

    async def _begin_at(self, starts: Mapping[TopicPartition, Start]) -> None:
        offsets = {tp: start.offset for tp, start in starts.items()}
        await self._thread.call(self._thread.set_positions(offsets))

    async def _bury_lost(self, lost: Lost) -> None:
        log.error(
            "records_lost",
            topic=lost.topic,
            partition=lost.partition,
            first=lost.first,
            end=lost.end,
        )
        await self._seam.publisher.publish(lost.partition, [lost.make_letter(self._seam)])
