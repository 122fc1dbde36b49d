"""What PostgreSQL counts of the last hour: dead letters, errors, ids that were used twice."""

from dataclasses import dataclass
from typing import Any, Final

from sinks.postgres.connection import connect
from sinks.postgres.statements import load_statement

GROUPS_MAX: Final = 50
"""Of each count."""
ROWS_MAX: Final = 100_000
"""Newest rows that are looked at for one count: a tenth of a second."""


@dataclass(slots=True)
class LastHour:
    """Rows as counted; None: there was no time to count."""

    buried: list[dict[str, Any]] | None = None
    """agent, kind, code, records, and how many of these were sent again."""
    errors: list[dict[str, Any]] | None = None
    """workflow_id, code, records: judgments with an error, of the newest `ROWS_MAX`."""
    conflicts: list[dict[str, Any]] | None = None
    """workflow_id, records: requests that used the id of another one, of the newest `ROWS_MAX`."""


async def fetch_last_hour(database_url: str, application: str, found: LastHour) -> None:
    """Put the counts into `found`, one after the other: what is there when time is up stays.

    Raises:
        DependencyError, FatalError: PostgreSQL does not answer, or refuses us.
    """
    async with connect(database_url, application) as connection:

        async def count(statement: str, *limits: int) -> list[dict[str, Any]]:
            return [dict(row) for row in await connection.fetch(load_statement(statement), *limits)]

        found.buried = await count("count_buried", GROUPS_MAX)
        found.errors = await count("count_errors", GROUPS_MAX, ROWS_MAX)
        found.conflicts = await count("count_conflicts", GROUPS_MAX, ROWS_MAX)
