"""The sink shape: whole batches are written, idempotently, and then they are done.

One worker for the topic takes what has gathered from all its partitions and writes it at once.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from schemas.errors import MessageError
from stream.batch import Batch, Burial, Output
from stream.burial import Undertaker
from stream.ledger import Entry, TopicPartition
from stream.seam import Seam
from stream.shapes.workers import Workers

WRITE_RECORDS_MAX: Final = 5_000
"""Records after which a write takes no further batch."""

Write = Callable[[Sequence[Batch]], Awaitable[Sequence[Burial]]]
"""Store batches; writing them twice leaves one copy. Returns what could not be stored, ever.

Raises DependencyError when nothing may be assumed stored.
"""


Prepare = Callable[[Batch], Batch]
"""Begin, at arrival, with work that a later `Write` of this batch can use; never waits."""


class SinkLane:
    """Runs a `Write` over one topic."""

    def __init__(
        self,
        topic: str,
        write: Write,
        seam: Seam,
        undertaker: Undertaker,
        prepare: Prepare | None = None,
    ) -> None:
        self._topic = topic
        self._write = write
        self._seam = seam
        self._undertaker = undertaker
        self._prepare = prepare
        self._queue: deque[tuple[Batch, Entry]] = deque()
        self._arrived = asyncio.Event()
        self._unfinished = 0
        """Batches in the queue and in the write that is on its way."""
        self._workers = Workers()

    @property
    def topic(self) -> str:
        return self._topic

    def start(self) -> None:
        self._workers.start(self._work())

    def hand(self, batch: Batch, entry: Entry) -> None:
        self._queue.append((self._prepare(batch) if self._prepare else batch, entry))
        self._unfinished += 1
        self._arrived.set()

    async def finish(self, timeout_s: float) -> bool:
        if self._topic not in self._seam.progress.held:
            await self._workers.wait(lambda: not self._unfinished, timeout_s)
        return not self._unfinished

    async def drop(self) -> None:
        await self._workers.cancel()
        self._queue.clear()
        self._arrived.clear()
        self._unfinished = 0
        self._workers.note_moved()
        self._seam.progress.let_go(self._topic)
        self.start()

    def raise_failure(self) -> None:
        self._workers.raise_failure()

    # ---------------------------------------------------------------------

    async def _work(self) -> None:
        hold, publish = self._seam.progress.hold, self._seam.publisher.publish
        while True:
            await self._arrived.wait()
            batches, entries = self._take()
            batches, skipped = self._take_out_skipped(batches)
            rejected = await hold(self._topic, lambda batches=batches: self._write(batches))  # type: ignore[misc]  # -- bound now
            letters = self._make_letters(batches, [*skipped, *rejected])
            for partition, outputs in letters.items():
                await hold(self._topic, lambda p=partition, o=outputs: publish(p, o))  # type: ignore[misc]  # -- bound now
                self._undertaker.count(outputs)
                self._seam.progress.note_completed()
            for entry in entries:
                self._seam.ledger.finish(entry)
            self._seam.progress.note_completed()
            self._unfinished -= len(entries)
            self._workers.note_moved()

    def _take(self) -> tuple[list[Batch], list[Entry]]:
        """Return what has gathered, up to the bound; at least one batch."""
        batches: list[Batch] = []
        entries: list[Entry] = []
        records = 0
        while self._queue and (not batches or records < WRITE_RECORDS_MAX):
            batch, entry = self._queue.popleft()
            batches.append(batch)
            entries.append(entry)
            records += entry.records
        if not self._queue:
            self._arrived.clear()
        return batches, entries

    def _take_out_skipped(self, batches: list[Batch]) -> tuple[list[Batch], list[Burial]]:
        """Return the batches without the records that an operator told us to bury, and those."""
        skips = self._seam.skips()
        if not skips:
            return batches, []
        kept, skipped = [], []
        for batch in batches:
            place = (batch.topic, batch.partition)
            orders = {r.offset: skips.get((*place, r.offset)) for r in batch.records}
            left = [record for record in batch.records if orders[record.offset] is None]
            untouched = len(left) == len(batch.records)  # it stays the one that was prepared
            kept.append(batch if untouched else Batch(*place, left, batch.unreadable))
            skipped += [
                Burial(*place, record, MessageError("skipped", reason))
                for record in batch.records
                if (reason := orders[record.offset]) is not None
            ]
        return kept, skipped

    def _make_letters(
        self, batches: Sequence[Batch], rejected: Sequence[Burial]
    ) -> dict[int, list[Output]]:
        """Return dead letters by the partition that they go to."""
        letters: defaultdict[int, list[Output]] = defaultdict(list)
        for batch in batches:
            if batch.unreadable:
                source = TopicPartition(batch.topic, batch.partition)
                letters[batch.partition] += self._undertaker.bury_unreadable(
                    source, batch.unreadable
                )
        for burial in rejected:
            source = TopicPartition(burial.topic, burial.partition)
            letter = self._undertaker.bury(
                source, burial.record, burial.error, burial.request_origin
            )
            letters[burial.partition].append(letter)
        return letters
