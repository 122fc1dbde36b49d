"""Commits: what is finished is told to the broker, twice a second and by nobody else."""

import asyncio
from typing import Final

from runtime import failpoints
from runtime.logs import get_logger
from stream.fetch_thread import FetchThread
from stream.ledger import Ledger

COMMIT_INTERVAL_S: Final = 0.5
COMMIT_TIMEOUT_S: Final = 5.0

log = get_logger(__name__)


class Committer:
    """Commits up to the first unfinished record of each partition."""

    def __init__(self, thread: FetchThread, ledger: Ledger) -> None:
        self._thread = thread
        self._ledger = ledger
        self._committing = asyncio.Lock()

    async def run(self) -> None:
        """Commit what is finished, for ever."""
        while True:
            await asyncio.sleep(COMMIT_INTERVAL_S)
            await self.commit()

    async def commit(self) -> None:
        """Commit what is finished now; a failure is logged, and tried again by the next call."""
        async with self._committing:  # an older commit must not land behind a newer one
            await self._commit()

    async def _commit(self) -> None:
        ledger, thread = self._ledger, self._thread
        due, epoch = ledger.due_commits(), ledger.epoch
        if not due:
            return
        failpoints.reach("before_commit")
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await thread.call(thread.commit_offsets(due))
        except Exception as error:  # noqa: BLE001 -- whatever it was, nothing is committed and it is tried again
            log.warning(
                "commit_failed", error=f"{type(error).__name__}: {error}", partitions=len(due)
            )
        else:
            ledger.note_committed(due, epoch)
