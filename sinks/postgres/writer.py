"""Judgments as they are stored: set-wise, the first of an id for ever, later ones as duplicates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

import asyncpg

from runtime import failpoints
from runtime.metrics import OTHER
from sinks.postgres.connection import Connection
from sinks.postgres.errors import encoding_errors
from sinks.postgres.optimism import Optimism
from sinks.postgres.rows import COLUMNS, Row
from sinks.postgres.statements import load_statement

CREATE_INCOMING: Final = load_statement("create_incoming_judgments")
_STORE: Final = load_statement("store_judgments")
_RECORD_DUPLICATES: Final = load_statement("record_duplicates")
_ADD_COUNTS: Final = load_statement("add_counts")

_id_of: Final = itemgetter(COLUMNS.index("judgment_id"))
_kind_of: Final = itemgetter(
    *map(
        COLUMNS.index,
        ("requested_at", "tenant", "workflow_id", "method", "status", "verdict", "rule", "test"),
    )
)


@dataclass(slots=True)
class Written:
    """What became of rows that were committed."""

    stored: int = 0
    """Rows that are judgments now."""
    dropped: int = 0
    """Rows of an id that was stored before: duplicates, and deliveries that came again."""
    conflicts: dict[str, int] = field(default_factory=dict)
    """New duplicates whose verdict or input differs from the judgment's, by workflow."""

    def add(self, other: "Written") -> None:
        """Count `other` in."""
        self.stored += other.stored
        self.dropped += other.dropped
        for workflow_id, count in other.conflicts.items():
            self.conflicts[workflow_id] = self.conflicts.get(workflow_id, 0) + count


class Writer:
    """Stores rows, by the short way as long as ids are new."""

    def __init__(self) -> None:
        """Begin in the hope that ids are new."""
        self._optimism = Optimism()

    async def store_rows(self, connection: Connection, rows: Sequence[Row]) -> Written:
        """Store `rows`, inside the caller's transaction; storing them again changes nothing.

        The first of several rows of one id, in the order given, stands for the id unless one is
        stored; every other row whose origin is not the stored one's is a duplicate.

        Raises:
            RowRefused: one of the rows is bad; the transaction is to be rolled back.
        """
        firsts, later = _split_repeats(rows)
        if self._optimism.holds and not later:
            if await _store_new(connection, rows):
                self._optimism.note_success()
                return Written(stored=len(rows))
            self._optimism.note_collision()
        written = await _store_carefully(connection, firsts, later)
        self._optimism.note_careful(repeats=written.dropped > 0)
        return written


async def _store_new(connection: Connection, rows: Sequence[Row]) -> bool:
    """Store rows that ought to be new straight into the table; False when one is not.

    COPY writes whole pages, and each index once; `ON CONFLICT` writes each row twice to the log.
    Sorted by id, as everywhere: two sinks that meet the same ids wait instead of deadlocking.
    """
    await connection.execute("SAVEPOINT optimism")
    try:
        await _copy(connection, "judgment_executions", sorted(rows, key=_id_of))
    except asyncpg.UniqueViolationError:
        # Not by a transaction of asyncpg's: that would also roll back over a dead connection.
        await connection.execute("ROLLBACK TO SAVEPOINT optimism")
        return False
    failpoints.reach("mid_batch")
    await connection.execute(_ADD_COUNTS, *_count(rows))
    return True


def _count(rows: Iterable[Row]) -> list[list[Any]]:
    """Return how many rows there are of each kind, as columns of `judgment_counts`."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for (requested_at, *kind), judgments in Counter(map(_kind_of, rows)).items():
        counts[(requested_at.replace(second=0, microsecond=0), *kind)] += judgments
    lines = [
        (tenant, workflow_id, minute, *rest, judgments)
        for (minute, tenant, workflow_id, *rest), judgments in counts.items()
    ]
    return [list(column) for column in zip(*lines, strict=True)]


async def _store_carefully(
    connection: Connection, firsts: Sequence[Row], later: Sequence[Row]
) -> Written:
    """Store rows of which some may be stored; `later` are of ids that `firsts` holds."""
    await _copy(connection, "incoming_judgments", firsts)
    stored = await connection.fetchval(_STORE)
    failpoints.reach("mid_batch")
    rows = len(firsts) + len(later)
    if stored == rows:
        return Written(stored=stored)
    if later:
        await _copy(connection, "incoming_judgments", later)
    conflicts = await connection.fetch(_RECORD_DUPLICATES)
    return Written(
        stored=stored,
        dropped=rows - stored,
        conflicts={row["known_workflow"] or OTHER: row["conflicts"] for row in conflicts},
    )


def _split_repeats(rows: Sequence[Row]) -> tuple[Sequence[Row], list[Row]]:
    """Part the first row of each id from those that come after it."""
    if len({row[0] for row in rows}) == len(rows):
        return rows, []
    firsts: dict[str, Row] = {}
    later: list[Row] = []
    for row in rows:
        if row[0] in firsts:
            later.append(row)
        else:
            firsts[row[0]] = row
    return list(firsts.values()), later


async def _copy(connection: Connection, table: str, rows: Iterable[Row]) -> None:
    with encoding_errors():
        await connection.copy_records_to_table(table, records=rows, columns=COLUMNS)
