"""Positions: where each partition is read from, at its start and when it must be set back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from runtime.logs import get_logger
from schemas.errors import DependencyError
from stream.fetch_thread import FETCH_ERRORS, FetchThread
from stream.ledger import TopicPartition
from stream.seam import Seam
from stream.starts import Lost, find_start

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
        self, thread: FetchThread, seam: Seam, check_topics: Callable[[], Awaitable[None]]
    ) -> None:
        """Run `check_topics` before a start is found: partition counts may have changed."""
        self._thread = thread
        self._seam = seam
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
        rewinds = dict(self._rewinds)
        log.info("positions_set_back", partitions=len(rewinds))
        for tp in rewinds:
            self._seam.ledger.rewind(tp)
        await self._begin_at(rewinds, self._seam.ledger.epoch)
        self._rewinds.clear()

    async def _resolve_starts(self) -> None:
        """Find where each newly assigned partition begins."""
        ledger, thread = self._seam.ledger, self._thread
        epoch, tps = ledger.epoch, ledger.unresolved()
        await self._check_topics()
        await self._begin_at(await ask(thread, thread.fetch_committed(tps)), epoch)

    async def _begin_at(self, wanted: Mapping[TopicPartition, int | None], epoch: int) -> None:
        """Set the position of each partition to the offset that is wanted, if the log has it.

        Does nothing when there was a rebalance since `epoch`: it begins anew.
        """
        ledger, thread = self._seam.ledger, self._thread
        bounds = await ask(thread, thread.fetch_bounds(list(wanted)))
        starts = {tp: find_start(tp, offset, *bounds[tp]) for tp, offset in wanted.items()}
        for start in starts.values():
            if start.lost is not None:
                await self._bury_lost(start.lost)
        if ledger.epoch != epoch:
            return
        await thread.call(thread.set_positions({tp: start.offset for tp, start in starts.items()}))
        for tp, start in starts.items():
            ledger.resolve(tp, start.offset)

    async def _bury_lost(self, lost: Lost) -> None:
        log.error(
            "records_lost",
            topic=lost.topic,
            partition=lost.partition,
            first=lost.first,
            end=lost.end,
        )
        await self._seam.publisher.publish(lost.partition, [lost.make_letter(self._seam)])
