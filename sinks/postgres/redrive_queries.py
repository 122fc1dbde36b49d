"""Dead letters to be sent again: chosen, fetched with their bytes, marked when it was done."""

from base64 import b64decode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from schemas.errors import DependencyError
from sinks.postgres.connection import Connection
from sinks.postgres.errors import DEPENDENCY
from sinks.postgres.queries import Since, split_since
from sinks.postgres.statements import load_statement
from topics.control_records import Place

LETTERS_AT_ONCE: Final = 50
"""Fetched with their bytes; a value has 1 MiB at most, so 50 MiB of them."""
LOCK_ID: Final = 7_205_759_405
"""Key of the advisory lock: one redrive at a time."""
TO_POSTGRES: Final = "postgres"
"""What `redriven_to` says of a result; of a request it is the place of the new record."""


class LetterId(NamedTuple):
    """The primary key of `dead_letters`, in its order."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    agent: str

    @property
    def place(self) -> Place:
        """Return where the buried record stood."""
        return Place(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are wanted; None: any."""

    places: Sequence[Place] = ()
    """Only of these records; empty: of any."""
    topic: str | None = None
    agent: str | None = None
    kind: str | None = None
    code: str | None = None
    since: Since = None
    """Buried at this time or later."""
    until: Since = None
    """Buried before this time."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter with its bytes, and whether it was sent again before."""

    id: LetterId
    kind: str
    code: str
    key: bytes | None
    value: bytes | None
    value_length: int | None
    """Of the original value when `value` is only its beginning; else None."""
    headers: tuple[tuple[str, bytes | None], ...] | None
    """None: nobody could read them."""
    redriven_at: datetime | None
    """When its record was sent again last, as this letter or as another agent's."""
    newest_agent: str
    """Who buried its record last; where that is another, the letter of that agent counts."""


async def select_letters(
    connection: Connection, wanted: Selection, limit: int
) -> AsyncIterator[Letter]:
    """Yield up to `limit` dead letters in the order of the log, a bounded number in memory."""
    ids = await _select_ids(connection, wanted, limit)
    for first in range(0, len(ids), LETTERS_AT_ONCE):
        for letter in await fetch_letters(connection, ids[first : first + LETTERS_AT_ONCE]):
            yield letter


async def _select_ids(connection: Connection, wanted: Selection, limit: int) -> list[LetterId]:
    conditions = (
        wanted.topic, wanted.agent, wanted.kind, wanted.code,
        *split_since(wanted.since), *split_since(wanted.until), limit,
    )  # fmt: skip
    if wanted.places:
        statement = load_statement("select_named_letters")
        places = _columns(wanted.places, len(Place._fields))
        rows = await connection.fetch(statement, *conditions, *places)
    else:
        # Once per connection, so planned for these very conditions: what is null is left out.
        rows = await connection.fetch(load_statement("select_letters"), *conditions)
    return [_id_of(row) for row in rows]


async def fetch_letters(connection: Connection, ids: Sequence[LetterId]) -> list[Letter]:
    """Return those of at most `LETTERS_AT_ONCE` dead letters that still exist."""
    rows = await connection.fetch(
        load_statement("fetch_letters"), *_columns(ids, len(LetterId._fields))
    )
    return [_parse(row) for row in rows]


async def mark_redriven(connection: Connection, done: Mapping[LetterId, str], author: str) -> None:
    """Remember where each of `done` was sent to, when and by whom."""
    rows = [(*letter, sent_to) for letter, sent_to in done.items()]
    columns = _columns(rows, len(LetterId._fields) + 1)
    await connection.execute(load_statement("mark_redriven"), *columns, author)


async def lock_redrive(connection: Connection) -> None:
    """Keep other redrives out until the connection ends: two at once would send all twice.

    Raises:
        DependencyError: another one is at work.
    """
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_ID):
        raise DependencyError(DEPENDENCY, "another `judgify dead-letters redrive` is at work")


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return `rows` as arrays, one per column."""
    return [[row[column] for row in rows] for column in range(width)]


def _id_of(row: asyncpg.Record) -> LetterId:
    return LetterId(
        row["topic"], row["partition"], row["record_offset"], row["record_ts"], row["agent"]
    )


def _parse(row: asyncpg.Record) -> Letter:
    told = orjson.loads(row["headers"]) if row["headers"] else None
    return Letter(
        id=_id_of(row),
        kind=row["kind"],
        code=row["code"],
        key=row["key"],
        value=row["value"],
        value_length=row["value_length"],
        headers=None if told is None else tuple((it["name"], _content(it)) for it in told),
        redriven_at=row["redriven_at"],
        newest_agent=row["newest_agent"],
    )


def _content(header: Mapping[str, str]) -> bytes | None:
    """Return the bytes of a header as `dead_letters.headers` keeps it."""
    if "base64" in header:
        return b64decode(header["base64"])
    return header["text"].encode() if "text" in header else None
