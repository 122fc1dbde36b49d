"""Turns: of equal questions that come at once, one is asked, and the others wait for its answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """One caller per key at a time; keys are held only while somebody is there."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._present: dict[str, int] = {}
        self._left: dict[str, object] = {}

    def leave(self, key: str, ending: object) -> None:
        """Leave `ending` behind for those who wait for their turn at `key` now."""
        self._left[key] = ending

    def find_left(self, key: str) -> object | None:
        """Return what the one before left behind; None when nothing was."""
        return self._left.get(key)

    @asynccontextmanager
    async def take(self, key: str, wait_s: float) -> AsyncGenerator[bool]:
        """Yield when it is this caller's turn, or when `wait_s` have passed.

        Yields whether it had to wait: then somebody may have left an answer. When one ends without,
        the next has its turn.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._present[key] = self._present.get(key, 0) + 1
        waited, taken = lock.locked(), False
        try:
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    taken = await lock.acquire()
            except TimeoutError:
                taken = False
            yield waited
        finally:
            if taken:
                lock.release()
            self._leave(key)

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._locks)

    def _leave(self, key: str) -> None:
        self._present[key] -= 1
        if not self._present[key]:
            del self._present[key], self._locks[key]
            self._left.pop(key, None)
