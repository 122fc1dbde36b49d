"""PostgreSQL as `judgify status` sees it: what it counted of the last hour, or why it cannot."""

import asyncio
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from judgify.status.probe import accepts_connections
from judgify.status.snapshot import (
    ConflictCount,
    DeadLetterCount,
    DependencyView,
    ErrorCount,
    Trouble,
)
from runtime.addresses import without_password
from schemas.errors import FatalError, PipelineError
from sinks.postgres.last_hour import LastHour, fetch_last_hour

TIMEOUT_S: Final = 1.5
"""Closing a connection that went silent may take `CLOSE_TIMEOUT_S` more."""
NAME: Final = "postgres"
DEFAULT_PORT: Final = 5432

_Count = TypeVar("_Count", DeadLetterCount, ErrorCount, ConflictCount)


class Database(NamedTuple):
    """What was asked of PostgreSQL, and how it stands; counts are None where it cannot tell."""

    view: DependencyView
    dead_letters: list[DeadLetterCount] | None
    errors: list[ErrorCount] | None
    conflicts: list[ConflictCount] | None


async def ask_database(database_url: str) -> Database:
    """Return the counts of the last hour, as many as PostgreSQL gives in time."""
    found = LastHour()
    error: str | None = None
    trouble: Trouble | None = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await fetch_last_hour(database_url, "judgify status", found)
    except TimeoutError:
        error, trouble = f"no answer within {TIMEOUT_S:g} s", await find_trouble(database_url)
    except FatalError as refusal:
        error, trouble = str(refusal), "refuses"
    except PipelineError as failure:
        error, trouble = str(getattr(failure, "reason", failure)), "away"
    address = without_password(database_url)
    view = DependencyView(name=NAME, address=address, error=error, trouble=trouble)
    return Database(
        view,
        _typed(DeadLetterCount, found.buried),
        _typed(ErrorCount, found.errors),
        _typed(ConflictCount, found.conflicts),
    )


async def find_trouble(database_url: str) -> Trouble:
    """Tell a server that accepts and says nothing from one that nobody can reach."""
    parts = urlsplit(database_url)
    if parts.hostname is None:
        return "away"
    is_there = await accepts_connections(parts.hostname, parts.port or DEFAULT_PORT)
    return "mute" if is_there else "away"


def _typed(kind: type[_Count], rows: list[dict[str, Any]] | None) -> list[_Count] | None:
    return None if rows is None else [kind.model_validate(row) for row in rows]
