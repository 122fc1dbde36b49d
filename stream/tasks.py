"""Background tasks that are kept, so that none is lost, and ended together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from runtime.logs import get_logger

T = TypeVar("T")
CANCEL_TIMEOUT_S: Final = 2.0
"""A task that waits for a dead server inside a `finally` must not hold up a rebalance."""
log = get_logger(__name__)


class Tasks:
    """A set of running tasks; the one place that starts tasks outside a TaskGroup."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` in the background; what it raises is logged."""
        self.start(work).add_done_callback(_log_failure)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` in the background; the caller looks at its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def count(self) -> int:
        """Return how many are running."""
        return len(self._running)

    async def finish(self, timeout_s: float) -> None:
        """Wait until what is running has ended, for at most `timeout_s`; then cancel the rest."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=timeout_s)
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel what is running and wait until it has ended, or for `CANCEL_TIMEOUT_S`."""
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            _, deaf = await asyncio.wait(running, timeout=CANCEL_TIMEOUT_S)
            if deaf:
                log.warning("tasks_not_cancelled", count=len(deaf))


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("background_task_failed", exc_info=task.exception())
