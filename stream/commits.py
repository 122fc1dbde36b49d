"""Commits: what is finished is told to the broker, twice a second and by nobody else."""

import asyncio
from collections.abc import Mapping
from typing import Final

from runtime import failpoints
from runtime.logs import get_logger
from schemas.errors import DependencyError
from stream.attempts import Attempts
from stream.fetch_thread import FetchThread
from stream.ledger import TopicPartition
from stream.seam import Seam

COMMIT_INTERVAL_S: Final = 0.5
COMMIT_TIMEOUT_S: Final = 5.0

log = get_logger(__name__)


class Committer:
    """Commits up to the first unfinished record of each partition."""

    def __init__(self, thread: FetchThread, seam: Seam) -> None:
        self._thread = thread
        self._seam = seam
        self._committing = asyncio.Lock()

    async def run(self) -> None:
        """Commit what is finished, for ever."""
        while True:
            await asyncio.sleep(COMMIT_INTERVAL_S)
            await self.commit()

    async def commit(self) -> bool:
        """Commit what is finished now; False: it failed, and the next call tries again."""
        async with self._committing:  # an older commit must not land behind a newer one
            self._note_survivors()
            try:
                await self._send_due()
            except DependencyError as error:
                log.warning("commit_failed", error=error.reason)
                return False
            return True

    async def take(self, attempts: Mapping[TopicPartition, Attempts], assignment: int) -> bool:
        """Commit what a new owner writes before it begins; False: it must not begin any more.

        Raises:
            DependencyError: it may be written or not; the work must not begin.
        """
        async with self._committing:  # who signs off meanwhile does so behind it, or it is not sent
            if not self._seam.ledger.take(attempts, assignment):
                return False
            await self._send_due()
            return True

    async def sign_off(self) -> None:
        """Commit that we leave our partitions in good order."""
        self._seam.ledger.leave()
        await self.commit()

    def _note_survivors(self) -> None:
        """What waits for a dependency has ended no process, however often we are killed.

        What is tried again, or at work beside it, may be about to.
        """
        ledger, progress = self._seam.ledger, self._seam.progress
        if not progress.held:
            return
        for tp, ours in ledger.partitions.items():
            if ours.records_unfinished and progress.waits(tp):
                ledger.note_survived(tp)

    async def _send_due(self) -> None:
        ledger = self._seam.ledger
        due, epoch = ledger.due_commits(), ledger.epoch
        if not due:
            return
        try:
            failpoints.reach("before_commit")
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self._thread.call(self._thread.commit_offsets(due))
        except Exception as error:
            # Whatever it was: nothing is known to be committed.
            raise DependencyError("kafka", f"{type(error).__name__}: {error}") from error
        ledger.note_committed(due, epoch)
