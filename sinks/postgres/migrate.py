"""The schema's history: numbered SQL files, each applied once, in order, in its own transaction.

A file may begin with lines for us, `-- judgify: …`. `no transaction`: it builds indexes while
others write (`index_builds.py`). `same as CHECKSUM`: an earlier text of it left the same schema,
and where that was applied there is nothing to do.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import asyncpg

from schemas.errors import DependencyError, FatalError
from sinks.postgres.connection import Connection, connect
from sinks.postgres.errors import DEPENDENCY, RowRefused, postgres_errors
from sinks.postgres.index_builds import build_indexes, find_builds

MIGRATIONS_DIR: Final = Path(__file__).parent / "migrations"
APPLICATION: Final = "judgify db"

LOCK_ID: Final = 7_205_759_403  # arbitrary, ours: it must only differ from other programs' locks
"""Key of the advisory lock: one upgrade at a time, however many start at once."""
UPGRADE_WAIT_S: Final = 60
"""How long one upgrade waits for another."""
LOCK_POLL_S: Final = 0.1
TABLE_LOCK_WAIT_S: Final = 10
"""How long a migration waits for a table: everybody else queues behind it meanwhile."""
MIGRATION_TIMEOUT_S: Final = 600

_DIRECTIVE: Final = re.compile(r"^-- judgify: (.+)$", re.MULTILINE)

State = Literal["applied", "pending", "edited", "unknown"]

_CREATE_HISTORY: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`; once released it is never edited."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, 64 hex."""
        return sha256(self.sql.encode()).hexdigest()

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"migration {self.version:04d}_{self.name}"

    @property
    def in_transaction(self) -> bool:
        """Whether it is applied whole or not at all."""
        return "no transaction" not in _DIRECTIVE.findall(self.sql)

    @property
    def checksums(self) -> set[str]:
        """Its checksum, and those of earlier texts that left the same schema."""
        told = (it.removeprefix("same as ") for it in _DIRECTIVE.findall(self.sql))
        return {self.checksum, *told}


@dataclass(frozen=True, slots=True)
class MigrationState:
    """Where one migration stands in one database."""

    version: int
    name: str
    state: State
    """edited: applied with another text. unknown: applied by a newer release than this one."""
    applied_at: datetime | None


def load_migrations(directory: Path = MIGRATIONS_DIR) -> list[Migration]:
    """Return the migrations of this release, in order.

    Raises:
        FatalError: a file is misnamed, or the numbers are not 1, 2, 3, ….
    """
    migrations = []
    for number, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        digits, _, name = path.stem.partition("_")
        if len(digits) != 4 or not digits.isdecimal() or int(digits) != number or not name:
            raise FatalError(f"{path.name}: expected {number:04d}_name.sql at this place")
        migrations.append(Migration(number, name, path.read_text("utf-8")))
    return migrations


async def upgrade(database_url: str, directory: Path = MIGRATIONS_DIR) -> list[MigrationState]:
    """Apply what is pending, and return it; nothing when the schema is up to date.

    Raises:
        FatalError: a file that was applied has another text now, or SQL fails.
        DependencyError: no answer, or another upgrade held the lock too long.
    """
    migrations = load_migrations(directory)
    async with connect(database_url, APPLICATION) as connection:
        await _lock(connection)
        await connection.execute(_CREATE_HISTORY)
        states = _compare(migrations, await _fetch_history(connection))
        _refuse_edited(states)
        pending = [state.version for state in states if state.state == "pending"]
        for migration in migrations:
            if migration.version in pending:
                await _apply(connection, migration)
        states = _compare(migrations, await _fetch_history(connection))
    return [state for state in states if state.version in pending]


async def fetch_status(database_url: str, directory: Path = MIGRATIONS_DIR) -> list[MigrationState]:
    """Return every migration that this release or the database knows, in order."""
    async with connect(database_url, APPLICATION) as connection:
        exists = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
        history = await _fetch_history(connection) if exists else []
    return _compare(load_migrations(directory), history)


async def _lock(connection: Connection) -> None:
    """Wait for our turn; the lock ends with the connection.

    Asked for again and again: one statement that waited would itself be waited for, by the index
    that the other upgrade builds, and neither would end.
    """
    deadline_s = time.monotonic() + UPGRADE_WAIT_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_ID):
        if time.monotonic() > deadline_s:
            raise DependencyError(
                DEPENDENCY, f"another `judgify db upgrade` has been running for {UPGRADE_WAIT_S} s"
            )
        await asyncio.sleep(LOCK_POLL_S)


async def _apply(connection: Connection, migration: Migration) -> None:
    """Run one file and note it: both or neither, or, outside a transaction, the note at last."""
    changed = "nothing changed"
    try:
        if migration.in_transaction:
            with postgres_errors():
                await connection.execute(
                    f"SET statement_timeout = {MIGRATION_TIMEOUT_S * 1000};"
                    f"SET lock_timeout = {TABLE_LOCK_WAIT_S * 1000}"
                )
                async with connection.transaction():
                    await connection.execute(migration.sql, timeout=MIGRATION_TIMEOUT_S)
                    await _note(connection, migration)
        else:
            changed = "run it again: it goes on from there"
            await build_indexes(connection, find_builds(migration.where, migration.sql))
            await _note(connection, migration)
    except DependencyError as error:
        raise DependencyError(
            DEPENDENCY, f"{migration.where}: {error.reason}: {changed}"
        ) from error
    except (FatalError, RowRefused) as error:
        raise FatalError(
            f"{migration.where} failed, {changed}: {error.__cause__ or error}"
        ) from error


async def _note(connection: Connection, migration: Migration) -> None:
    with postgres_errors():
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version, migration.name, migration.checksum,
        )  # fmt: skip


async def _fetch_history(connection: Connection) -> Sequence[asyncpg.Record]:
    return await connection.fetch(
        "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version"
    )


def _compare(
    migrations: Sequence[Migration], history: Sequence[asyncpg.Record]
) -> list[MigrationState]:
    applied = {row["version"]: row for row in history}
    ours = {migration.version: migration for migration in migrations}
    states = []
    for version in sorted(applied.keys() | ours.keys()):
        row, migration = applied.get(version), ours.get(version)
        name = migration.name if migration else row["name"] if row else ""
        states.append(
            MigrationState(
                version, name, _state(row, migration), row["applied_at"] if row else None
            )
        )
    return states


def _state(row: asyncpg.Record | None, migration: Migration | None) -> State:
    if row is None:
        return "pending"
    if migration is None:
        return "unknown"
    return "applied" if row["checksum"] in migration.checksums else "edited"


def _refuse_edited(states: Sequence[MigrationState]) -> None:
    """Stop when the files and the history do not tell the same story.

    Raises:
        FatalError: names the file and what to do.
    """
    newest = max((state.version for state in states if state.applied_at), default=0)
    for state in states:
        where = f"migration {state.version:04d}_{state.name}"
        if state.state == "edited":
            raise FatalError(
                f"{where} was edited after it was applied: restore the file, and write the change "
                "as a new migration"
            )
        if state.state == "pending" and state.version < newest:
            raise FatalError(f"{where} is older than what was applied: give it the next number")
