"""results, dead letters, workflows → PostgreSQL: whole batches, each record once."""

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from runtime import failpoints
from runtime.disk import DiskFloor
from runtime.metrics import (
    DEPENDENCY_UP,
    DUPLICATES_DROPPED_TOTAL,
    REQUEST_ID_CONFLICTS_TOTAL,
)
from schemas.errors import DependencyError, FatalError, MessageError
from sinks.postgres import dead_letters, writer
from sinks.postgres.connection import (
    POOL_MAX,
    Connection,
    Pool,
    close_pool,
    connect,
    open_pool,
)
from sinks.postgres.errors import DEPENDENCY, AccessRefusedError, RowRefused, postgres_errors
from sinks.postgres.isolation import Streak, write_isolating
from sinks.postgres.parsing import Parsed, Parser, Source
from sinks.postgres.rows import Row
from sinks.postgres.workflows import Published, parse_published, store_published
from stream.batch import Batch, Burial

NAME: Final = "postgres-sink"
ROWS_MAX: Final = 2_500
"""Results of one transaction: bounds its sort, its locks and the work that one failure repeats."""
REFUSED: Final = "row_refused"

_dropped: Final = DUPLICATES_DROPPED_TOTAL.labels(stage=NAME)
_up: Final = DEPENDENCY_UP.labels(name=DEPENDENCY)


def _nothing() -> None:
    """Note nothing: nobody watches."""


class PostgresSink:
    """Writes batches; writing one twice leaves one copy.

    What a write returns is to be buried; everything else is stored. Every write may raise
    DependencyError (it may work later; assume nothing was stored) and FatalError (the schema or
    the address is not ours).
    """

    def __init__(
        self, database_url: str, *, pool_max: int = POOL_MAX, disk: DiskFloor | None = None
    ) -> None:
        """`disk` is PostgreSQL's, where it is known: below its floor writes wait."""
        self._database_url = database_url
        self._pool_max = pool_max
        self._disk = disk or DiskFloor()
        self._pool: Pool | None = None
        self._streak = Streak()
        self._parser = Parser()
        self._writer = writer.Writer()
        self.note_progress: Callable[[], None] = _nothing
        """Called after each part of a write: a slow write that goes on does not stand still."""

    async def open(self) -> None:
        """Prepare to write; PostgreSQL may be away, the first write finds out.

        Raises:
            DependencyError: PostgreSQL answers and refuses us. Somebody may put that right there,
                so it is tried again; meanwhile we are not ready, and say why.
        """
        await self._check_access()
        self._pool = await open_pool(self._database_url, NAME, self._pool_max, _prepare_connection)

    async def _check_access(self) -> None:
        try:
            async with connect(self._database_url, NAME):
                _up.set(1)
        except AccessRefusedError as error:
            raise DependencyError(DEPENDENCY, str(error)) from error
        except DependencyError:
            return

    async def close(self) -> None:
        """Close within seconds; what is being written is rolled back. Closing twice is fine."""
        await self._parser.close()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await close_pool(pool)

    def prepare_results(self, batch: Batch) -> Batch:
        """Return `batch` with its parsing under way, for a later `write_results`.

        Two cores at work: PostgreSQL stores some batches while the next are parsed here.
        """
        return self._parser.begin(batch)

    async def write_results(self, batches: Sequence[Batch]) -> Sequence[Burial]:
        """Store judgments, the first of each id; later records of an id as duplicates.

        Within a partition the order of offsets decides which is first.
        """
        records = sum(len(batch.records) for batch in batches)
        rows_max = math.ceil(records / math.ceil(records / ROWS_MAX)) if records else 1
        burials: list[Burial] = []
        parsed = Parsed()
        for batch in batches:
            parsed.add(await self._parser.finish(batch))
            while len(parsed.rows) >= rows_max:
                burials += await self._write_rows(parsed.take(rows_max))
        return [*burials, *await self._write_rows(parsed)]

    async def _write_rows(self, parsed: Parsed) -> list[Burial]:
        """Store what was parsed; return what is no judgment, and what PostgreSQL refused."""
        if not parsed.rows:
            return parsed.burials
        failpoints.reach("decoded")
        async with self._writing() as pool:
            written, refusals = await write_isolating(
                pool, parsed.rows, self._writer.store_rows, self._streak
            )
        failpoints.reach("stored")
        self.note_progress()
        for part in written:
            _dropped.inc(part.dropped)
            for workflow_id, count in part.conflicts.items():
                REQUEST_ID_CONFLICTS_TOTAL.labels(workflow_id=workflow_id).inc(count)
        refused = [parsed.sources[position].bury(_explain(error)) for position, error in refusals]
        return [*parsed.burials, *refused]

    async def write_dead_letters(self, batches: Sequence[Batch]) -> Sequence[Burial]:
        """Store dead letters. Returns nothing to bury: it would come back to the same topic."""
        records = _list_sources(batches)
        rows = [dead_letters.make_row(batch.topic, batch.partition, it) for batch, it in records]
        store = dead_letters.store_dead_letters
        async with self._writing() as pool:
            _, refusals = await write_isolating(pool, rows, store, self._streak)
            bare = [_strip(records[position], error) for position, error in refusals]
            _, refusals = await write_isolating(pool, bare, store, self._streak)
        if refusals:
            raise FatalError(f"PostgreSQL refuses even a bare dead letter: {refusals[0].error}")
        return ()

    async def write_workflows(self, batches: Sequence[Batch]) -> Sequence[Burial]:
        """Store versions and activations; the first record of each stands."""
        published: list[Published] = []
        sources: list[Source] = []
        burials: list[Burial] = []
        for source in _list_sources(batches):
            try:
                one = parse_published(source.record)
            except MessageError as error:
                burials.append(source.bury(error))
                continue
            if one is not None:
                published.append(one)
                sources.append(source)
        async with self._writing() as pool:
            _, refusals = await write_isolating(pool, published, store_published, self._streak)
        burials += [sources[position].bury(_explain(error)) for position, error in refusals]
        return burials

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[Pool]:
        """Yield the pool, and show in the metrics whether PostgreSQL answers."""
        if self._pool is None:
            raise DependencyError(DEPENDENCY, "the sink is closed")
        self._disk.check()
        try:
            yield self._pool
        except DependencyError:
            _up.set(0)
            raise
        _up.set(1)


def _list_sources(batches: Sequence[Batch]) -> list[Source]:
    return [Source(batch, record) for batch in batches for record in batch.records]


def _strip(source: Source, error: RowRefused) -> Row:
    """Return what can be stored in any case of a dead letter that PostgreSQL refused."""
    explained = MessageError(dead_letters.REFUSED, error.reason)
    return dead_letters.make_bare_row(
        source.batch.topic, source.batch.partition, source.record, explained
    )


def _explain(error: RowRefused) -> MessageError:
    return MessageError(REFUSED, f"PostgreSQL refused the row: {error}")


async def _prepare_connection(connection: Connection) -> None:
    """Make the temporary tables that COPY fills; they live as long as the connection."""
    with postgres_errors():
        await connection.execute(writer.CREATE_INCOMING)
        await connection.execute(dead_letters.CREATE_INCOMING)
