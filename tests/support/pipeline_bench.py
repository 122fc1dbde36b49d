"""A pipeline over two topics without a broker: its thread, lanes and topics at hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stream.ledger import TopicPartition
from stream.pipeline import Bounds, Pipeline
from stream.tasks import Tasks
from tests.support.fake_lane import QueueLane
from tests.support.fake_thread import FakeThread
from tests.support.seams import REQUESTS, SeamBench
from tests.support.waiting import wait_until_async

OTHER = "judgify.other.v1"
TP, TP1 = TopicPartition(REQUESTS, 0), TopicPartition(REQUESTS, 1)
ELSEWHERE = TopicPartition(OTHER, 0)


class PipelineBench(SeamBench):
    """A pipeline over two topics, with its thread and lanes at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = FakeThread()
        self.lane = QueueLane(self.ledger)
        self.other = QueueLane(self.ledger, OTHER)
        self.topic_ids: dict[str, str] = {}

    async def identify(self) -> dict[str, str]:
        return self.topic_ids

    def make(self, bounds: Bounds) -> Pipeline:
        lanes = [self.lane, self.other]
        return Pipeline(self.thread, lanes, self.seam, bounds, self.identify)  # type: ignore[arg-type]  # -- what the pipeline asks of it

    @asynccontextmanager
    async def running(
        self, *assigned: TopicPartition, bounds: Bounds | None = None
    ) -> AsyncIterator[Pipeline]:
        """Run a pipeline that has been given `assigned`."""
        pipeline = self.make(bounds or Bounds())
        await pipeline.on_assigned(assigned or (TP,))
        tasks = Tasks()
        running = tasks.start(pipeline.run())
        try:
            yield pipeline
        finally:
            pipeline.stopping = True
            self.thread.errors.clear()
            await asyncio.wait_for(running, 5)

    async def turn(self, times: int = 3) -> None:
        """Wait until the pipeline has fetched, or asked whether there is room, so often."""
        wanted = len(self.thread.fetches) + times
        await wait_until_async(lambda: len(self.thread.fetches) >= wanted, what="fetches")

    async def wait_for(self, count: int) -> None:
        await wait_until_async(
            lambda: len(self.lane.values()) >= count, what=f"{count} records; {self.lane.values()}"
        )
