"""A concurrent lane without a broker, and an agent that answers when a test lets it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Output, Record
from stream.ledger import TopicPartition
from stream.shapes.concurrent import ConcurrentLane, Pace
from tests.support.seams import REQUESTS, SeamBench
from tests.support.waiting import wait_until_async

RESULTS: Final = "judgify.results.v1"
CONCURRENCY: Final = 4


class GatedAgent:
    """Answers when a test lets it, as the value of the record says."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.running: set[bytes] = set()
        self.running_max = 0
        self.gates: dict[bytes, asyncio.Event] = {}
        self.away: set[bytes] = set()
        self.cancelled: list[bytes] = []

    def gate(self, value: bytes) -> asyncio.Event:
        return self.gates.setdefault(value, asyncio.Event())

    async def answer(self, source: TopicPartition, record: Record) -> Sequence[Output]:
        value = record.value or b""
        self.begun.append(value)
        self.running.add(value)
        self.running_max = max(self.running_max, len(self.running))
        try:
            if value in self.gates:
                await self.gates[value].wait()
            return self._reply(value, record)
        except asyncio.CancelledError:
            self.cancelled.append(value)
            raise
        finally:
            self.running.discard(value)

    def _reply(self, value: bytes, record: Record) -> Sequence[Output]:
        if value in self.away:
            raise DependencyError("model", "away")
        if value.startswith(b"bad"):
            raise MessageError("bad", "it says so")
        if value.startswith(b"bug"):
            raise KeyError(record.offset)
        if value == b"fatal":
            raise FatalError("misconfigured")
        if value == b"silent":
            return ()
        size = 3_000_000 if value == b"large" else 1
        return [Output(RESULTS, record.key, value * size)]


class ConcurrentBench(SeamBench):
    """A lane with its agent at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.assign(0, 1)
        self.agent = GatedAgent()
        self.lane = self.make(Pace(CONCURRENCY))

    def make(self, pace: Pace) -> ConcurrentLane:
        return ConcurrentLane(REQUESTS, self.agent, self.seam, self.undertaker, pace)

    def hand(self, *values: bytes, partition: int = 0, first: int = 0) -> None:
        self.lane.hand(*self.accept(values, partition, first))

    async def until_committable(self, offset: int, partition: int = 0) -> None:
        await wait_until_async(
            lambda: self.committable(partition) == offset, what=f"{offset} to be finished"
        )

    async def until_begun(self, count: int) -> None:
        await wait_until_async(lambda: len(self.agent.begun) >= count, what=f"{count} to begin")
