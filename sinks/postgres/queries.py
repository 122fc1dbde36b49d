"""Reads of what is stored: judgments, their duplicates, the versions that judged them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from schemas.errors import MessageError
from sinks.postgres.connection import connect
from sinks.postgres.statements import load_statement

LIMIT_MAX: Final = 1_000
"""Most rows of one page."""
MATCHES_MAX: Final = 10
"""Judgments shown for one request id: one per workflow that judged it."""
APPLICATION: Final = "judgify cli"

_PLAN: Final = "SET enable_hashagg = off; SET enable_seqscan = off"
"""Minutes are read from the newest on, until a page is full. PostgreSQL would gather all first."""

_ORIGIN: Final = {
    "origin_topic": "topic",
    "origin_partition": "partition",
    "origin_offset": "offset",
    "origin_ts": "timestamp",
}

Since = datetime | timedelta | None
"""A time, or an age by PostgreSQL's clock; ours is never compared with a stored time."""

Stored = dict[str, Any]
"""A judgment as on the results topic, and `stored_at`."""


@dataclass(frozen=True, slots=True)
class JudgmentFilter:
    """Which judgments are wanted; None: any."""

    tenant: str | None = None
    workflow_id: str | None = None
    verdict: str | None = None
    status: str | None = None
    rule: str | None = None
    since: Since = None
    """Requested at this broker time or later."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and where the next page begins."""

    rows: list[Stored]
    cursor: str | None
    """None: these were the last."""


async def fetch_judgments(
    database_url: str, wanted: JudgmentFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """Return up to `limit` judgments, the newest request first.

    Raises:
        MessageError: `cursor` was not made here.
        DependencyError: PostgreSQL does not answer, or not in time: narrow it with `since`.
    """
    before, judgment_id = _parse_cursor(cursor)
    since, age_max = split_since(wanted.since)
    async with connect(database_url, APPLICATION) as connection:
        await connection.execute(_PLAN)
        rows = await connection.fetch(
            load_statement("list_judgments"),
            wanted.tenant, wanted.workflow_id, wanted.verdict, wanted.status, wanted.rule,
            since, before, judgment_id, min(limit, LIMIT_MAX) + 1, age_max,
        )  # fmt: skip
    shown = rows[: min(limit, LIMIT_MAX)]
    more = f"{shown[-1]['requested_at'].isoformat()}_{shown[-1]['judgment_id']}" if shown else None
    return Page([_as_judgment(row) for row in shown], more if len(rows) > len(shown) else None)


async def find_judgments(
    database_url: str, name: str, *, tenant: str = "default", workflow_id: str | None = None
) -> list[Stored]:
    """Return the judgments whose own id, or whose request's id in `tenant`, is `name`."""
    async with connect(database_url, APPLICATION) as connection:
        rows = await connection.fetch(
            load_statement("find_judgments"),
            _parse_uuid(name), name, tenant, workflow_id, MATCHES_MAX,
        )  # fmt: skip
    return [_as_judgment(row) for row in rows]


async def fetch_version(
    database_url: str, tenant: str, workflow_id: str, version: str
) -> tuple[dict[str, Any], int] | None:
    """Return the document of a stored version and its number; None when it is not stored."""
    async with connect(database_url, APPLICATION) as connection:
        row = await connection.fetchrow(
            load_statement("find_version"), tenant, workflow_id, version
        )
    return (orjson.loads(row["document"]), row["number"]) if row else None


async def fetch_duplicates(database_url: str, judgment_id: str) -> list[dict[str, Any]]:
    """Return the later records of a judgment's id, the first seen first."""
    async with connect(database_url, APPLICATION) as connection:
        rows = await connection.fetch(
            load_statement("list_duplicates"), UUID(judgment_id), LIMIT_MAX
        )
    return [
        {
            "origin": _as_origin(row),
            "same_content": row["same_content"],
            "seen_at": spell_time(row["seen_at"]),
        }
        for row in rows
    ]


def split_since(since: Since) -> tuple[datetime | None, timedelta | None]:
    """Return `since` as the two parameters of a statement: a time, an age."""
    if isinstance(since, timedelta):
        return None, since
    return since, None


def spell_time(at: datetime) -> str:
    """Return a stored time as it travels: RFC 3339 in UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_judgment(row: asyncpg.Record) -> Stored:
    """Return a row in the shape of the results topic, which is what people know."""
    error_and_origin = ("error_code", *_ORIGIN)  # also in `error` and `origin`
    fields = {name: value for name, value in row.items() if name not in error_and_origin}
    detail: Stored = orjson.loads(fields.pop("detail"))
    times = ("requested_at", "judged_at", "stored_at")
    return {
        **fields,
        **detail,
        **{name: spell_time(row[name]) for name in times},
        "judgment_id": str(row["judgment_id"]),
        "input_data": orjson.loads(row["input_data"]),
        "origin": _as_origin(row),
    }


def _as_origin(row: asyncpg.Record) -> dict[str, Any]:
    return {name: row[column] for column, name in _ORIGIN.items()}


def _parse_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    at, _, judgment_id = cursor.partition("_")
    try:
        return datetime.fromisoformat(at), UUID(judgment_id)
    except ValueError as error:
        raise MessageError("invalid_cursor", "the cursor is not one that a list printed") from error


def _parse_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
