"""Retention: deletes what was stored too long ago, slice by slice, beside a running sink.

A judgment's age counts from when it was stored, by PostgreSQL's clock alone: one that came to rest
late rests as long as any. A dead letter's counts from when it was buried, by Kafka's clock, and the
day by which rows outlive requests is also for the difference of the two. Judgments take their
counts along in the same transaction, so the counts are those of the stored rows at any moment.
Duplicates are kept as long after they were seen as judgments after they were stored: the audit
needs them by themselves. Stopped anywhere, a later run goes on where this one ended.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Final, NamedTuple

import asyncpg

from schemas.errors import DependencyError
from sinks.postgres.connection import Connection, connect
from sinks.postgres.errors import DEPENDENCY, postgres_errors
from sinks.postgres.slices import SliceSize
from sinks.postgres.statements import load_statement

APPLICATION: Final = "judgify db prune"
LOCK_ID: Final = 7_205_759_404
"""Key of the advisory lock: one prune at a time. Next to the one of migrations."""
LOCK_WAIT_MS: Final = 2_000
"""How long a slice waits for a row or a table before it is tried again."""
ATTEMPTS_MAX: Final = 5
"""Of one slice that met a lock or a deadlock."""
RETRY_S: Final = 1.0
COUNT_TIMEOUT_S: Final = 600.0
"""For the one question of a dry run: an index is read from its beginning to the cutoff."""
VACUUM_TIMEOUT_S: Final = 3_600.0
STOP_POLL_S: Final = 0.2
"""Longest that a wish to stop is not seen meanwhile."""
_PLANS: Final = "SET enable_seqscan = off; SET jit = off"
"""As a sink's: with scans disabled, plans look so dear to PostgreSQL 15 to 17 that it compiles
them, which takes longer than the slice."""
_VACUUM_PACE: Final = "SET vacuum_cost_delay = '2ms'; SET statement_timeout = 0"
"""As autovacuum: at full speed it would take the disk from the sink."""


class Table(NamedTuple):
    """A table that is pruned, and by which of its times."""

    name: str
    title: str
    time_column: str
    statement: str


JUDGMENTS: Final = Table("judgment_executions", "judgments", "stored_at", "prune_judgments")
DUPLICATES: Final = Table("judgment_duplicates", "duplicates", "seen_at", "prune_duplicates")
DEAD_LETTERS: Final = Table("dead_letters", "dead letters", "at", "prune_dead_letters")


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days everything is kept."""

    judgments_days: int
    dead_letters_days: int

    def days(self, table: Table) -> int:
        return self.dead_letters_days if table is DEAD_LETTERS else self.judgments_days


@dataclass(slots=True)
class Pruned:
    """What was deleted of one table, so far."""

    table: Table
    cutoff: datetime
    """What was stored before it goes."""
    rows: int = 0
    slices: int = 0
    longest_slice_s: float = 0.0
    size_bytes: int = 0
    """Of the deleted rows in the table itself: room for new ones, indexes not counted."""


@dataclass(slots=True)
class Pruning:
    """A prune under way, or what it did; `stop` ends it after the slice at hand."""

    stop: Event = field(default_factory=Event)
    tables: list[Pruned] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All that was deleted."""
        return sum(table.rows for table in self.tables)


ShowProgress = Callable[[Table, int, float], None]
"""Called with a table, the rows deleted, and how far it is, 0 to 1."""


def _show_nothing(_table: Table, _rows: int, _share: float) -> None:
    pass


async def count_expired(database_url: str, keep: Keep) -> dict[str, int]:
    """Return how many rows of each table, by its title, a prune would delete now."""
    counts = {}
    async with connect(database_url, APPLICATION) as connection:
        await connection.execute("SET statement_timeout = 0")
        for table in (JUDGMENTS, DUPLICATES, DEAD_LETTERS):
            cutoff = await _fetch_cutoff(connection, keep.days(table))
            counts[table.title] = await connection.fetchval(
                f"SELECT count(*) FROM {table.name} WHERE {table.time_column} < $1",  # noqa: S608 -- names of ours
                cutoff,
                timeout=COUNT_TIMEOUT_S,
            )
    return counts


async def prune(
    database_url: str, keep: Keep, pruning: Pruning, show: ShowProgress = _show_nothing
) -> None:
    """Delete what is older than `keep`, and note in `pruning` what was deleted.

    Ends early when `pruning.stop` is set. Whatever is raised, what `pruning` counts is deleted.

    Raises:
        DependencyError: PostgreSQL is away, another prune runs, or a lock was held too long.
    """
    async with connect(database_url, APPLICATION) as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_ID):
            raise DependencyError(DEPENDENCY, "another `judgify db prune` is running")
        await connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}; {_PLANS}")
        await connection.execute(load_statement("create_pruned_counts"))
        for table in (JUDGMENTS, DUPLICATES, DEAD_LETTERS):
            cutoff = await _fetch_cutoff(connection, keep.days(table))
            pruned = Pruned(table, cutoff)
            pruning.tables.append(pruned)
            await _Pruner(connection, pruned, pruning.stop, show).go()
        await _make_reusable(connection, pruning)


async def _fetch_cutoff(connection: Connection, days: int) -> datetime:
    cutoff: datetime = await connection.fetchval("SELECT now() - make_interval(days => $1)", days)
    return cutoff


class _Pruner:
    """Prunes one table."""

    def __init__(
        self, connection: Connection, pruned: Pruned, stop: Event, show: ShowProgress
    ) -> None:
        self._connection = connection
        self._pruned = pruned
        self._stop = stop
        self._show = show
        self._delete = load_statement(pruned.table.statement)
        self._reached: datetime | None = None
        """Everything stored before it is gone: the next slice does not look there again."""

    async def go(self) -> None:
        size = SliceSize()
        loop = asyncio.get_running_loop()
        oldest: datetime | None = None
        while not self._stop.is_set():
            started_s = loop.time()
            reached = await self._delete_patiently(size.rows)
            if reached is None:
                return
            took_s = loop.time() - started_s
            oldest = oldest or reached
            span = (self._pruned.cutoff - oldest).total_seconds()
            self._show(
                self._pruned.table, self._pruned.rows, (reached - oldest).total_seconds() / span
            )
            self._pruned.slices += 1
            self._pruned.longest_slice_s = max(self._pruned.longest_slice_s, took_s)
            size.learn(took_s)
            await asyncio.sleep(size.pause_s(took_s))

    async def _delete_patiently(self, rows: int) -> datetime | None:
        """Delete a slice; when somebody holds what it needs, try again a little later."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with postgres_errors():
                    return await self._delete_slice(rows)
            except DependencyError:
                if attempt == ATTEMPTS_MAX or self._connection.is_closed():
                    raise
                await asyncio.sleep(RETRY_S * attempt)
        return None

    async def _delete_slice(self, rows: int) -> datetime | None:
        """Delete up to `rows`, all or none; return the time up to which they are gone."""
        async with self._connection.transaction():
            gone = await self._connection.fetchrow(
                self._delete, self._reached, self._pruned.cutoff, rows
            )
            if gone is None or not gone["rows"]:
                return None
            if self._pruned.table is JUDGMENTS:
                for name in ("lock_pruned_counts", "take_pruned_counts", "drop_empty_counts"):
                    await self._connection.execute(load_statement(name))
        self._pruned.rows += gone["rows"]
        self._pruned.size_bytes += int(gone["size_bytes"])
        reached: datetime = gone["reached"]
        self._reached = reached
        return reached


async def _make_reusable(connection: Connection, pruning: Pruning) -> None:
    """Hand the room of deleted rows to new ones; autovacuum would begin at a fifth of the table."""
    if pruning.stop.is_set():
        return
    await connection.execute(_VACUUM_PACE)
    names = [pruned.table.name for pruned in pruning.tables if pruned.rows]
    if JUDGMENTS.name in names:
        names.append("judgment_counts")
    for name in names:
        # Not truncated: for that the table would be locked, sink and readers out.
        statement = f"VACUUM (TRUNCATE false) {name}"
        work = asyncio.ensure_future(connection.execute(statement, timeout=VACUUM_TIMEOUT_S))
        while not work.done() and not pruning.stop.is_set():
            await asyncio.wait({work}, timeout=STOP_POLL_S)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            return
        with suppress(asyncpg.LockNotAvailableError):  # autovacuum is at it already
            await work
