"""Whose turn it is: so many at a time, as they came, nobody past what is held before them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Gate:
    """The way into one partition: shut while any of its records is held."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._held: set[int] = set()

    def hold(self, offset: int) -> None:
        """Let nobody in but who is held already."""
        self._held.add(offset)
        self._open.clear()

    def release(self, offset: int) -> None:
        self._held.discard(offset)
        if not self._held:
            self._open.set()

    def lets_in(self, offset: int) -> bool:
        return self._open.is_set() or offset in self._held

    async def wait(self, offset: int) -> None:
        """Return when `offset` would be let in."""
        if offset not in self._held:
            await self._open.wait()


class Turns:
    """Gives out turns until it is told to stop, and knows when all that were taken have ended."""

    def __init__(self, concurrency: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._going_on = asyncio.Event()
        self._going_on.set()
        self._on_their_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @asynccontextmanager
    async def take(self, gate: Gate, offset: int) -> AsyncIterator[None]:
        """Wait for a turn and take it."""
        while True:
            await self._going_on.wait()
            await gate.wait(offset)
            async with self._slots:
                # Either may have changed in the time it took to get a slot.
                if self._going_on.is_set() and gate.lets_in(offset):
                    with self.on_its_way():
                        yield
                    return

    @contextmanager
    def on_its_way(self) -> Iterator[None]:
        """What runs inside is waited for by `finish`."""
        self._on_their_way += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._on_their_way -= 1
            if not self._on_their_way:
                self._quiet.set()

    async def finish(self, timeout_s: float) -> None:
        """Give out no more turns; wait until those that were taken have ended, or for so long."""
        self._going_on.clear()
        try:
            async with asyncio.timeout(timeout_s):
                while self._on_their_way:  # what has just been answered may be published by now
                    await self._quiet.wait()
        except TimeoutError:
            return
