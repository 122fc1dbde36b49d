"""A lane's workers: the tasks that do its work, and what ended one of them for good."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from stream.tasks import Tasks


class Workers:
    """Runs the tasks of one lane; a failure of one of them is kept for the pipeline to raise."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._failure: BaseException | None = None
        self._moved = asyncio.Event()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`; what it raises ends the lane's work for good."""
        self._tasks.start(work).add_done_callback(self._note_end)

    def count(self) -> int:
        """Return how many are running."""
        return self._tasks.count()

    async def cancel(self) -> None:
        """End those that run; their lane begins anew."""
        await self._tasks.cancel()

    def note_failure(self, error: BaseException) -> None:
        """Keep what ended work that runs in no task of its own."""
        self._failure = error

    def raise_failure(self) -> None:
        """Raise what ended the lane's work for good, if anything did."""
        if self._failure is not None:
            raise self._failure

    def note_moved(self) -> None:
        """Something is finished: all of it may be."""
        self._moved.set()

    async def wait(self, is_over: Callable[[], bool], timeout_s: float) -> None:
        """Return when `is_over`, or when time runs out; it is asked whenever something ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not is_over():
                    self._moved.clear()
                    await self._moved.wait()

    def _note_end(self, worker: "asyncio.Task[None]") -> None:
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self.note_failure(error)
