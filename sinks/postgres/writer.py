"""Judgments as they are stored: set-wise, the first of an id for ever, later ones as duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime import failpoints
from runtime.metrics import OTHER
from sinks.postgres.connection import Connection
from sinks.postgres.errors import encoding_errors
from sinks.postgres.rows import COLUMNS, Row
from sinks.postgres.statements import load_statement

CREATE_INCOMING: Final = load_statement("create_incoming_judgments")
_STORE: Final = load_statement("store_judgments")
_RECORD_DUPLICATES: Final = load_statement("record_duplicates")


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


async def store_rows(connection: Connection, rows: Sequence[Row]) -> Written:
    """Store `rows`, inside the caller's transaction; storing them again changes nothing.

    The first of several rows of one id, in the order given, stands for the id unless one is
    stored; every other row whose origin is not the stored one's is a duplicate.

    Raises:
        RowRefused: one of the rows is bad; the transaction is to be rolled back.
    """
    firsts, later = _split_repeats(rows)
    await _copy(connection, firsts)
    stored = await connection.fetchval(_STORE)
    failpoints.reach("mid_batch")
    if stored == len(rows):
        return Written(stored=stored)
    if later:
        await _copy(connection, later)
    conflicts = await connection.fetch(_RECORD_DUPLICATES)
    return Written(
        stored=stored,
        dropped=len(rows) - stored,
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


async def _copy(connection: Connection, rows: Iterable[Row]) -> None:
    with encoding_errors():
        await connection.copy_records_to_table("incoming_judgments", records=rows, columns=COLUMNS)
