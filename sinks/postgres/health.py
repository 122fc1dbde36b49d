"""How a PostgreSQL stands: version, schema, what our role may do, connections left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sinks.postgres.connection import connect
from sinks.postgres.migrate import MIGRATIONS_DIR, fetch_status
from sinks.postgres.statements import load_statement

APPLICATION: Final = "judgify doctor"
TABLES: Final = (
    "workflows", "workflow_versions", "workflow_activations", "judgment_executions",
    "judgment_duplicates", "judgment_counts", "dead_letters",
)  # fmt: skip
"""Written by postgres-sink."""
PRUNED_TABLES: Final = (
    "judgment_executions", "judgment_duplicates", "judgment_counts", "dead_letters",
)  # fmt: skip
"""From which `judgify db prune` deletes."""


@dataclass(frozen=True, slots=True)
class PostgresHealth:
    """What the server says of itself and of us."""

    version: str
    major: int
    role: str
    read_only: bool
    makes_temporary_tables: bool
    not_writable: tuple[str, ...]
    """Tables that exist and that our role may not write."""
    not_deletable: tuple[str, ...]
    """Tables that are pruned, exist, and from which our role may not delete."""
    connections_free: int
    """For roles that are no superuser."""
    schema_version: int
    """The newest migration that was applied; 0: none."""
    pending: tuple[str, ...]
    edited: tuple[str, ...]
    unknown: tuple[str, ...]
    """Migrations by their state, as `0001_workflows`."""


async def fetch_health(database_url: str, directory: Path = MIGRATIONS_DIR) -> PostgresHealth:
    """Ask; changes nothing.

    Raises:
        DependencyError: nobody answers there.
        FatalError: the address or the role is wrong.
    """
    async with connect(database_url, APPLICATION) as connection:
        row = await connection.fetchrow(
            load_statement("fetch_health"), list(TABLES), list(PRUNED_TABLES)
        )
    states = await fetch_status(database_url, directory)

    def named(state: str) -> tuple[str, ...]:
        return tuple(f"{it.version:04d}_{it.name}" for it in states if it.state == state)

    told = dict(row or {})
    return PostgresHealth(
        version=told["version"],
        major=told["version_num"] // 10_000,
        role=told["role"],
        read_only=told["read_only"],
        makes_temporary_tables=told["makes_temporary_tables"],
        not_writable=tuple(told["not_writable"]),
        not_deletable=tuple(told["not_deletable"]),
        connections_free=told["connections_free"],
        schema_version=max((it.version for it in states if it.applied_at), default=0),
        pending=named("pending"),
        edited=named("edited"),
        unknown=named("unknown"),
    )
