"""Indexes built while others write: what a migration outside any transaction may hold.

`CREATE INDEX CONCURRENTLY` keeps nobody out and cannot be part of a transaction. Where it is cut
off, it leaves an index that is kept up and serves nobody. So such a migration holds nothing else,
and doing it again removes what was cut off, passes what is there, and builds the rest.
"""

import re
from collections.abc import Iterator
from typing import Final

from schemas.errors import FatalError
from sinks.postgres.connection import Connection
from sinks.postgres.errors import postgres_errors

BUILD_TIMEOUT_S: Final = 14_400
"""Of one index. It waits for all transactions that began before it, and keeps nobody waiting."""

_statement: Final = re.compile(
    r"CREATE INDEX CONCURRENTLY IF NOT EXISTS (?P<name>[a-z_]+)\s+ON [a-z_]+ [^;]+"
).fullmatch
_IS_CUT_OFF: Final = (
    "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)"
)


def find_builds(where: str, sql: str) -> dict[str, str]:
    """Return the statements of a migration that builds indexes, by the index that each makes.

    Raises:
        FatalError: it holds something that could not be done again after a part of it.
    """
    builds = {}
    for statement in _split(sql):
        found = _statement(statement)
        if found is None:
            raise FatalError(
                f"{where}: outside a transaction a migration may hold CREATE INDEX CONCURRENTLY IF "
                f"NOT EXISTS alone, not: {statement[:60]}"
            )
        builds[found["name"]] = statement
    return builds


def _split(sql: str) -> Iterator[str]:
    text = re.sub(r"--[^\n]*", "", sql)
    yield from (statement.strip() for statement in text.split(";") if statement.strip())


async def build_indexes(connection: Connection, builds: dict[str, str]) -> None:
    """Build what is not there yet; safe to do again after any end.

    Raises:
        DependencyError: it may work later; indexes that are finished stay.
    """
    with postgres_errors():
        await connection.execute(
            f"SET statement_timeout = {BUILD_TIMEOUT_S * 1000};"
            f"SET lock_timeout = {BUILD_TIMEOUT_S * 1000}"
        )
        for name, statement in builds.items():
            if await connection.fetchval(_IS_CUT_OFF, name):
                await connection.execute(
                    f"DROP INDEX CONCURRENTLY {name}", timeout=BUILD_TIMEOUT_S + 5
                )
            await connection.execute(statement, timeout=BUILD_TIMEOUT_S + 5)
