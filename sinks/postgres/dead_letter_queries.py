"""Reads of the dead letters: what was buried, by whom and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from schemas.errors import MessageError
from sinks.postgres.connection import connect
from sinks.postgres.queries import (
    APPLICATION,
    LIMIT_MAX,
    MATCHES_MAX,
    Page,
    Since,
    spell_time,
    split_since,
)
from sinks.postgres.statements import load_statement

_CURSOR_PARTS: Final = 6


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters are wanted; None: any."""

    topic: str | None = None
    """Where the buried record stood."""
    agent: str | None = None
    code: str | None = None
    since: Since = None
    """Buried at this time or later."""


async def fetch_dead_letters(
    database_url: str, wanted: DeadLetterFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """Return up to `limit` dead letters without their bytes, the newest first.

    Raises:
        MessageError: `cursor` was not made here.
    """
    before = _parse_cursor(cursor)
    since, age_max = split_since(wanted.since)
    async with connect(database_url, APPLICATION) as connection:
        rows = await connection.fetch(
            load_statement("list_dead_letters"),
            wanted.topic, wanted.agent, wanted.code, since, *before, min(limit, LIMIT_MAX) + 1,
            age_max,
        )  # fmt: skip
    shown = [dict(row) for row in rows[: min(limit, LIMIT_MAX)]]
    following = _make_cursor(shown[-1]) if len(rows) > len(shown) else None
    return Page([row | _times(row) for row in shown], following)


async def find_dead_letters(
    database_url: str, topic: str, partition: int, offset: int
) -> list[dict[str, Any]]:
    """Return the dead letters of the record at one place, whole, with their original bytes.

    Several when several agents buried it, or when the topic was deleted and created again.
    """
    async with connect(database_url, APPLICATION) as connection:
        rows = await connection.fetch(
            load_statement("find_dead_letters"), topic, partition, offset, MATCHES_MAX
        )
    return [
        dict(row)
        | _times(row)
        | {"headers": orjson.loads(row["headers"]) if row["headers"] else None}
        for row in rows
    ]


def _times(row: Mapping[str, Any] | asyncpg.Record) -> dict[str, str | None]:
    again_at = row["redriven_at"]
    return {
        "at": spell_time(row["at"]),
        "redriven_at": None if again_at is None else spell_time(again_at),
    }


def _make_cursor(row: dict[str, Any]) -> str:
    names = ("topic", "partition", "record_offset", "record_ts", "agent")
    return "/".join([row["at"].isoformat(), *(str(row[name]) for name in names)])


def _parse_cursor(cursor: str | None) -> tuple[Any, ...]:
    if cursor is None:
        return (None,) * _CURSOR_PARTS
    parts = cursor.split("/")
    try:
        at, topic, partition, offset, timestamp, agent = parts
        return (
            datetime.fromisoformat(at), topic, int(partition), int(offset), int(timestamp), agent,
        )  # fmt: skip
    except ValueError as error:
        raise MessageError("invalid_cursor", "the cursor is not one that a list printed") from error
