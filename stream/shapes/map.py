"""The map shape: a pure function per record, a whole slice at once, in order per partition.

Each partition has a worker of its own: it decides a slice, sends the outputs, and decides the next
while the broker still has to acknowledge them. Slices are finished in their order. When one fails,
it and all behind it are published again, one after the other, before anything new is decided: so
the order per partition holds whatever happens.
"""

import asyncio
from functools import partial
from typing import Protocol

from runtime import failpoints
from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Batch
from stream.burial import Undertaker
from stream.ledger import Entry, TopicPartition
from stream.seam import Seam
from stream.shapes.line import Decider, Flight, Line
from stream.shapes.refusals import VALUE_BYTES_MAX, refuse_large, refuse_skipped
from stream.shapes.workers import Workers


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
        self._lines: dict[int, Line] = {}
        self._turns = asyncio.Lock()
        self._workers = Workers()

    @property
    def topic(self) -> str:
        return self._topic

    def start(self) -> None:
        """Nothing to prepare: a partition's worker starts with its first batch."""

    def hand(self, batch: Batch, entry: Entry) -> None:
        line = self._lines.get(batch.partition)
        if line is None:
            source = TopicPartition(batch.topic, batch.partition)
            line = self._lines[batch.partition] = Line(source)
            self._workers.start(self._work(line))
        line.queue.append((batch, entry))
        line.stir()

    async def finish(self, timeout_s: float) -> bool:
        """Wait for the partitions that are not held; True: none has anything unfinished."""
        held, lines = self._seam.progress.held, self._lines.values()
        waited_for = [line for line in lines if line.name not in held]
        await self._workers.wait(lambda: all(line.is_over() for line in waited_for), timeout_s)
        return all(line.is_over() for line in lines)

    async def drop(self) -> None:
        dropped = list(self._lines.values())
        self._lines.clear()  # what still arrives of them finishes nothing
        await self._workers.cancel()
        for line in dropped:
            line.is_taken_away = True
            self._seam.progress.let_go(line.name)
        self._workers.note_moved()

    def raise_failure(self) -> None:
        self._workers.raise_failure()

    # ---------------------------------------------------------------------

    async def _work(self, line: Line) -> None:
        while True:
            await line.wait()
            async with self._turns:
                # One slice, of whichever partition, per turn of the loop: what is decided goes out,
                # and acknowledgements and fetches come in, while the next one is decided.
                await asyncio.sleep(0)
            await self._seam.progress.hold(line.name, lambda: self._advance(line))

    async def _advance(self, line: Line) -> None:
        """Publish again what failed, then decide the next slice and send it."""
        if line.has_failed():
            await self._publish_again(line)
        if line.queue:
            batch, entry = line.queue[0]
            flight = self._decide(line, batch, entry)
            line.queue.popleft()
            line.flights.append(flight)
            failpoints.reach("judged")
            await self._send(line, flight)

    # -- publishing -------------------------------------------------------

    async def _send(self, line: Line, flight: Flight) -> None:
        # Nothing was awaited since the look at those before it: they are on the same connection.
        sent = await self._seam.publisher.send(line.source.partition, flight.outputs)
        flight.acknowledged = sent
        sent.add_done_callback(partial(self._note_sent, line))

    async def _publish_again(self, line: Line) -> None:
        """Publish everything from the first failure on, in order, each after the one before."""
        line.raise_news()
        publish, partition = self._seam.publisher.publish, line.source.partition
        while line.flights:
            await publish(partition, line.flights[0].outputs)
            self._finish(line.flights.popleft())

    def _note_sent(self, line: Line, _: object) -> None:
        """Finish what has arrived and has nothing unfinished before it."""
        if self._lines.get(line.source.partition) is not line:
            return
        try:
            while line.flights and line.flights[0].has_arrived():
                failpoints.reach("after_publish")
                self._finish(line.flights.popleft())
        except Exception as error:  # noqa: BLE001 -- nobody awaits a callback: the process ends of it
            self._workers.note_failure(error)
        line.stir()

    def _finish(self, flight: Flight) -> None:
        self._seam.ledger.finish(flight.entry)
        flight.decider.finished()
        self._undertaker.count(flight.letters)
        self._seam.progress.note_completed()
        self._workers.note_moved()

    # -- deciding ---------------------------------------------------------

    def _decide(self, line: Line, batch: Batch, entry: Entry) -> Flight:
        decider = self._agent.open_batch(batch)
        decide = decider.decide
        source = line.source
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
                line.bugs.note(record.offset, record.key)
                output = self._undertaker.bury(source, record, error)
                letters.append(output)
            append(output)
        return Flight(entry, decider, outputs, letters)
