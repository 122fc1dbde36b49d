"""The map shape: a pure function per record, a whole slice at once, in order per partition.

Each partition has a worker of its own: it decides a slice, publishes the outputs, and takes the
next when the broker has acknowledged them. So the order per partition holds, and while one
partition waits for its acknowledgement the others decide.
"""

import asyncio
from collections import defaultdict
from typing import Protocol

from runtime import failpoints
from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Batch, Output, Record
from stream.bugs import BugStreak
from stream.burial import Undertaker
from stream.ledger import Entry, TopicPartition
from stream.seam import Seam
from stream.shapes.refusals import VALUE_BYTES_MAX, refuse_large, refuse_skipped
from stream.tasks import Tasks


class Decider(Protocol):
    """What decides the records of one batch."""

    def decide(self, record: Record) -> Output:
        """Return the one output of `record`.

        Raises:
            MessageError: it can never work: it is buried.
            DependencyError: it cannot be decided yet: the whole batch is held and tried again.
        """
        ...

    def finished(self) -> None:
        """The broker has acknowledged every output of the batch."""
        ...


class MapAgent(Protocol):
    """What turns each record of a topic into exactly one output, without any I/O."""

    def open_batch(self, batch: Batch) -> Decider:
        """Return what decides the records of `batch`: all that a slice can prepare once is done.

        Raises:
            DependencyError: the batch cannot be decided yet; it is held and tried again.
        """
        ...


class MapLane:
    """Runs a `MapAgent` over one topic."""

    def __init__(self, topic: str, agent: MapAgent, seam: Seam, undertaker: Undertaker) -> None:
        self._topic = topic
        self._agent = agent
        self._seam = seam
        self._undertaker = undertaker
        self._queues: dict[int, asyncio.Queue[tuple[Batch, Entry]]] = {}
        self._tasks = Tasks()
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: BaseException | None = None
        self._bugs: defaultdict[int, BugStreak] = defaultdict(BugStreak)

    @property
    def topic(self) -> str:
        return self._topic

    def start(self) -> None:
        """Nothing to prepare: a partition's worker starts with its first batch."""

    def hand(self, batch: Batch, entry: Entry) -> None:
        queue = self._queues.get(batch.partition)
        if queue is None:
            # Unbounded: the backlog bounds what is handed out, in records and in bytes.
            queue = self._queues[batch.partition] = asyncio.Queue()
            worker = self._tasks.start(self._work(batch.partition, queue))
            worker.add_done_callback(self._note_end)
        self._unfinished += 1
        self._idle.clear()
        queue.put_nowait((batch, entry))

    async def finish(self, timeout_s: float) -> bool:
        if self._held():
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def drop(self) -> None:
        await self._tasks.cancel()
        self._queues.clear()
        self._unfinished = 0
        self._idle.set()
        for lane in self._held():
            del self._seam.progress.held[lane]

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # ---------------------------------------------------------------------

    def _held(self) -> list[str]:
        return [it for it in self._seam.progress.held if it.startswith(f"{self._topic}/")]

    def _note_end(self, worker: "asyncio.Task[None]") -> None:
        if not worker.cancelled() and worker.exception() is not None:
            self._failure = worker.exception()

    async def _work(self, partition: int, queue: "asyncio.Queue[tuple[Batch, Entry]]") -> None:
        lane = f"{self._topic}/{partition}"
        hold, publish = self._seam.progress.hold, self._seam.publisher.publish
        while True:
            batch, entry = await queue.get()
            decider, outputs, letters = await hold(lane, lambda batch=batch: self._decide(batch))  # type: ignore[misc]  # -- bound now
            failpoints.reach("judged")
            await hold(lane, lambda outputs=outputs: publish(partition, outputs))  # type: ignore[misc]  # -- bound now
            self._seam.ledger.finish(entry)
            decider.finished()
            self._undertaker.count(letters)
            self._seam.progress.note_completed()
            self._unfinished -= 1
            if not self._unfinished:
                self._idle.set()

    async def _decide(self, batch: Batch) -> tuple[Decider, list[Output], list[Output]]:
        decider = self._agent.open_batch(batch)
        decide = decider.decide
        source = TopicPartition(batch.topic, batch.partition)
        letters = self._undertaker.bury_unreadable(source, batch.unreadable)
        outputs = list(letters)
        skips = self._seam.skips()
        append = outputs.append
        for record in batch.records:
            try:
                if skips:
                    refuse_skipped(skips.get((*source, record.offset)))
                output = decide(record)
                if output.value is not None and len(output.value) > VALUE_BYTES_MAX:
                    refuse_large(len(output.value))
            except MessageError as error:
                output = self._undertaker.bury(source, record, error)
                letters.append(output)
            except (DependencyError, FatalError):
                raise
            except Exception as error:  # noqa: BLE001 -- a record's failure is the record's alone
                self._bugs[batch.partition].note(record.offset, record.key)
                output = self._undertaker.bury(source, record, error)
                letters.append(output)
            append(output)
        return decider, outputs, letters
