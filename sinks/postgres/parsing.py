"""Results parsed ahead: while PostgreSQL stores some, the next become rows here."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.errors import MessageError
from sinks.postgres.rows import Row, parse_request_origin, parse_row
from stream.batch import Batch, Burial, Record

PARSED_AT_ONCE: Final = 100
"""Records parsed before other tasks may run: about a millisecond."""


class Source(NamedTuple):
    """Where a row came from, for the case that it is to be buried."""

    batch: Batch
    record: Record

    def bury(self, error: MessageError) -> Burial:
        """Return the burial, which names the request where the record still tells it."""
        origin = parse_request_origin(self.record.value)
        return Burial(self.batch.topic, self.batch.partition, self.record, error, origin)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Results as rows, where each came from, and what is no judgment."""

    rows: list[Row] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    burials: list[Burial] = field(default_factory=list)

    def add(self, other: "Parsed") -> None:
        """Append what `other` holds."""
        self.rows.extend(other.rows)
        self.sources.extend(other.sources)
        self.burials.extend(other.burials)

    def take(self, rows_max: int) -> "Parsed":
        """Remove and return the first rows, and all burials."""
        taken = Parsed(self.rows[:rows_max], self.sources[:rows_max], self.burials[:])
        del self.rows[:rows_max], self.sources[:rows_max], self.burials[:]
        return taken


@dataclass(frozen=True, slots=True)
class AheadBatch(Batch):
    """A batch whose records become rows by themselves; dropped, its rows go with it."""

    parsing: "asyncio.Task[Parsed] | None" = field(default=None, compare=False, repr=False)


class Parser:
    """Parses batches in the order in which they come, one at a time.

    As many as were handed out: `Bounds` of the stream limit records and bytes.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Parsed]] = set()

    def begin(self, batch: Batch) -> AheadBatch:
        """Return `batch` with its parsing under way; to be called inside the running loop."""
        parsing = self._start(batch)
        return AheadBatch(batch.topic, batch.partition, batch.records, batch.unreadable, parsing)

    async def finish(self, batch: Batch) -> Parsed:
        """Return what `batch` holds; asking again, after a failure, returns the same."""
        parsing = batch.parsing if isinstance(batch, AheadBatch) else None
        if parsing is None or parsing.cancelled():
            parsing = self._start(batch)
        # Whoever waits may be cancelled, and may ask again.
        return await asyncio.shield(parsing)

    async def close(self) -> None:
        """End what is under way."""
        for task in (tasks := [*self._tasks]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, batch: Batch) -> "asyncio.Task[Parsed]":
        task = asyncio.get_running_loop().create_task(self._parse(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _parse(self, batch: Batch) -> Parsed:
        async with self._turn:
            return await _parse(batch)


async def _parse(batch: Batch) -> Parsed:
    """Parse records, letting other tasks run now and then."""
    parsed = Parsed()
    for number, record in enumerate(batch.records, start=1):
        source = Source(batch, record)
        try:
            parsed.rows.append(parse_row(record.value))
        except MessageError as error:
            parsed.burials.append(source.bury(error))
        else:
            parsed.sources.append(source)
        if number % PARSED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return parsed
