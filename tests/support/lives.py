"""Lives: processes that own the same partitions one after the other, and end by a record of them.

Pipelines over one fake thread, with nothing in common but what was committed.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from aiokafka.errors import KafkaConnectionError

from stream.batch import Batch
from stream.ledger import TopicPartition
from stream.pipeline import Bounds
from stream.tasks import Tasks
from tests.support.fake_lane import QueueLane
from tests.support.fake_thread import FakeThread
from tests.support.pipeline_bench import PipelineBench
from tests.support.waiting import wait_until_async

COMMITS_OF_THE_DEAD: Final = 1_000
"""More than anybody tries before he is buried: none arrives."""


class MortalLane(QueueLane):
    """Finishes what it is handed in one turn of the loop, until a record ends the process."""

    def __init__(
        self, bench: PipelineBench, killers: Collection[tuple[TopicPartition, int]]
    ) -> None:
        super().__init__(bench.ledger)
        self._bench = bench
        self._killers = killers
        self.dead = False

    async def work(self) -> None:
        """Work until a killer comes up; what was begun in the same turn is not finished either."""
        done = 0
        while not self.dead:
            await asyncio.sleep(0)
            begun = self.handed[done:]
            done += len(begun)
            if any(self._ends(batch) for batch, _ in begun):
                self._die()
                return
            for _, entry in begun:
                self._bench.ledger.finish(entry)

    def _die(self) -> None:
        self.dead = True
        self._bench.thread.errors["commit_offsets"] = [
            KafkaConnectionError() for _ in range(COMMITS_OF_THE_DEAD)
        ]

    def _ends(self, batch: Batch) -> bool:
        tp = TopicPartition(batch.topic, batch.partition)
        return any((tp, record.offset) in self._killers for record in batch.records)


@dataclass
class Lives:
    """What is handed down from process to process: the logs and the commits."""

    tps: tuple[TopicPartition, ...]
    killers: set[tuple[TopicPartition, int]]
    thread: FakeThread = field(default_factory=FakeThread)
    held: set[tuple[str, int]] = field(default_factory=set)
    """Records that the last process held, with their lanes."""

    async def live(self) -> bool:
        """Let one process work; False: it died. Else it holds what it must, and the rest is done."""
        bench, tasks = PipelineBench(), Tasks()
        bench.thread = self.thread
        lane = bench.lane = MortalLane(bench, self.killers)
        culprits = bench.seam.progress.culprits
        pipeline = bench.make(Bounds())
        await pipeline.on_assigned(self.tps)
        tasks.spawn(pipeline.run())
        tasks.spawn(lane.work())
        await wait_until_async(
            lambda: lane.dead or all(self._is_through(bench, tp) for tp in self.tps),
            what="the process to die, or to be done",
        )
        if not lane.dead:
            await pipeline.commits.commit()
        self.held = {(name, culprit.offset) for name, culprit in culprits.items()}
        pipeline.stopping = True
        await tasks.cancel()
        await pipeline.finish(0)
        self.thread.errors.clear()
        self.thread.positions.clear()
        return not lane.dead

    def _is_through(self, bench: PipelineBench, tp: TopicPartition) -> bool:
        first = bench.ledger.partitions[tp].first_unfinished()
        held = bench.seam.progress.culprits.get(f"{tp.topic}/{tp.partition}")
        return first == self.thread.end(tp) or (held is not None and held.offset == first)
