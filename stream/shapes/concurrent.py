"""The concurrent shape: so many records at a time, each for itself, committed in order.

For agents that wait for somebody else: a model, a webhook. Records of a partition are begun in
order and end in any; the ledger commits up to the first that has not ended. What ends while a
publish of its partition is on its way goes out with the next.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple, Protocol

from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Batch, Output, Record
from stream.bugs import BugStreak
from stream.burial import Undertaker
from stream.ledger import Entry, TopicPartition
from stream.seam import Seam
from stream.shapes.refusals import refuse_large, refuse_skipped
from stream.shapes.turns import Gate, Turns
from stream.shapes.workers import Workers

HANDED_OUT_FACTOR: Final = 4


class ConcurrentAgent(Protocol):
    """What answers one record at a time, many at once, and may wait for others meanwhile."""

    async def answer(self, source: TopicPartition, record: Record) -> Sequence[Output]:
        """Return what is to be published of `record`, which then is done; nothing is fine, too.

        It is called again for the same record after a crash or a rebalance. It keeps its own
        deadline: one that takes longer than the watchdog allows ends the process.

        Raises:
            MessageError: it can never work: it is buried, the others go on.
            DependencyError: it may work later: it is asked again for ever, nothing further of its
                partition is begun until it works, other partitions go on.
        """
        ...


class _Item(NamedTuple):
    """A record that was handed out."""

    record: Record
    entry: Entry


class _Answer(NamedTuple):
    """What is to be published before an item is done."""

    item: _Item
    outputs: Sequence[Output]
    letters: Sequence[Output] = ()


class _Partition:
    """What goes on in one partition, until it is taken away."""

    def __init__(self, source: TopicPartition, turns: Turns) -> None:
        self.source = source
        self.lane = source.lane
        self.turns = turns
        self.gate = Gate()
        self.bugs = BugStreak()
        self.outbox: list[_Answer] = []
        self.publishing = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How many records are answered at a time, and how long they may take when they must end."""

    concurrency: int
    patience_s: float = inf
    """When partitions go or the process stops: after this long an answer is cancelled. By default
    it has all the time there is: right where its effect cannot be taken back."""

    @property
    def records_max(self) -> int:
        """Records handed out and unfinished: enough that none waits for a fetch."""
        return HANDED_OUT_FACTOR * self.concurrency


class ConcurrentLane:
    """Runs a `ConcurrentAgent` over one topic."""

    def __init__(
        self,
        topic: str,
        agent: ConcurrentAgent,
        seam: Seam,
        undertaker: Undertaker,
        pace: Pace,
    ) -> None:
        self._topic = topic
        self._agent = agent
        self._seam = seam
        self._undertaker = undertaker
        self._pace = pace
        self._workers = Workers()
        self._partitions: dict[int, _Partition] = {}
        self._turns = Turns(pace.concurrency)

    @property
    def topic(self) -> str:
        return self._topic

    def start(self) -> None:
        """Nothing to prepare: each record has a task of its own."""

    def hand(self, batch: Batch, entry: Entry) -> None:
        partition = self._partitions.get(batch.partition)
        if partition is None:
            source = TopicPartition(batch.topic, batch.partition)
            partition = self._partitions[batch.partition] = _Partition(source, self._turns)
        offsets = [record.offset for record in (*batch.records, *batch.unreadable)]
        self._seam.ledger.itemize(entry, sorted(offsets))
        for record in batch.records:
            self._workers.start(self._work(partition, _Item(record, entry)))
        letters = self._undertaker.bury_unreadable(partition.source, batch.unreadable)
        for unreadable, letter in zip(batch.unreadable, letters, strict=True):
            answer = _Answer(_Item(unreadable, entry), [letter], [letter])
            self._workers.start(self._publish(partition, answer))

    async def finish(self, timeout_s: float) -> bool:
        """Begin nothing more and wait for what is on its way; not for what a dependency holds."""
        await self._turns.finish(min(timeout_s, self._pace.patience_s))
        return not self._workers.count()

    async def drop(self) -> None:
        partitions, self._partitions = self._partitions, {}
        self._turns = Turns(self._pace.concurrency)
        await self._workers.cancel()
        for partition in partitions.values():
            self._seam.progress.let_go(partition.lane)

    def raise_failure(self) -> None:
        self._workers.raise_failure()

    # -- one record -------------------------------------------------------

    async def _work(self, partition: _Partition, item: _Item) -> None:
        hold = self._seam.progress.hold
        answer = await hold(partition.lane, lambda: self._attempt(partition, item))
        partition.gate.release(item.record.offset)
        await self._publish(partition, answer)

    async def _attempt(self, partition: _Partition, item: _Item) -> _Answer:
        offset = item.record.offset
        async with partition.turns.take(partition.gate, offset):
            try:
                with self._seam.progress.work(partition.lane):
                    return await self._answer(partition, item)
            except DependencyError:
                partition.gate.hold(offset)
                raise

    async def _answer(self, partition: _Partition, item: _Item) -> _Answer:
        source, record = partition.source, item.record
        try:
            refuse_skipped(self._seam.skips().get((*source, record.offset)))
            outputs = await self._agent.answer(source, record)
            for output in outputs:
                refuse_large(len(output.value or b""))
        except (DependencyError, FatalError):
            raise
        except Exception as error:  # noqa: BLE001 -- a record's failure is the record's alone
            _raise_if_cancelled(error)
            if isinstance(error, MessageError):
                partition.bugs.end()
            else:
                partition.bugs.count_one(record.offset, record.key)
            letter = self._undertaker.bury(source, record, error)
            return _Answer(item, [letter], [letter])
        partition.bugs.end()
        return _Answer(item, outputs)

    # -- publishing -------------------------------------------------------

    async def _publish(self, partition: _Partition, answer: _Answer) -> None:
        """Publish the answer, with all others of its partition that are ready meanwhile."""
        partition.outbox.append(answer)
        if partition.publishing or partition.turns is not self._turns:
            return
        partition.publishing = True
        hold, publish = self._seam.progress.hold, self._seam.publisher.publish
        number = partition.source.partition
        with partition.turns.on_its_way():
            while partition.outbox:
                ready, partition.outbox = partition.outbox, []
                outputs = [output for answer in ready for output in answer.outputs]
                await hold(partition.lane, lambda outputs=outputs: publish(number, outputs))  # type: ignore[misc]  # -- bound now
                self._note_done(ready)
        partition.publishing = False

    def _note_done(self, answers: Sequence[_Answer]) -> None:
        for item, _, letters in answers:
            self._seam.ledger.finish_one(item.entry, item.record.offset)
            self._undertaker.count(letters)
        self._seam.progress.note_completed()


def _raise_if_cancelled(error: Exception) -> None:
    """Raise the cancellation that an agent turned into `error` on its way out."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
