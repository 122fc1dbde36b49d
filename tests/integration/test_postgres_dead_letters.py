"""Dead letters on a real PostgreSQL: every record of the topic gets a row, whatever it holds."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from schemas.dead_letter import DeadLetter
from sinks.postgres.dead_letter_queries import (
    DeadLetterFilter,
    fetch_dead_letters,
    find_dead_letters,
)
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.builders import FakeRecord
from topics.headers import build_dead_letter_headers

pytestmark = pytest.mark.services

TOPIC = "judgify.dead-letters.v1"
Headers = Sequence[tuple[str, Any]]


def make_letter(offset: int = 0, **fields: Any) -> DeadLetter:
    defaults = {
        "key": b"\x00k", "value": b"\xff\x00 not json", "headers": (("h", b"\x00\xff"), ("t", b"v")),
        "topic": "judgify.requests.v1", "partition": 3, "offset": offset, "timestamp": 1_000 + offset,
        "request_origin": f"judgify.requests.v1/3/{offset}/{1_000 + offset}", "agent": "rule-agent",
        "version": "0.1.0", "kind": "message", "code": "unreadable", "reason": "not JSON",
        "at": "2025-06-15T15:06:40.000Z",
    }  # fmt: skip
    return DeadLetter.model_validate(defaults | fields)


def make_letters(*letters: DeadLetter) -> Batch:
    return Batch(
        TOPIC,
        0,
        [
            FakeRecord(
                offset, key=it.key, value=it.value, headers=build_dead_letter_headers(it)  # type: ignore[arg-type]  # -- null headers
            )
            for offset, it in enumerate(letters)
        ],
    )  # fmt: skip


async def test_a_dead_letter_keeps_its_bytes_and_says_where_and_why(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    assert not await sink.write_dead_letters([make_letters(make_letter(7))])

    found = await find_dead_letters(database_url, "judgify.requests.v1", 3, 7)
    assert len(found) == 1
    assert (found[0]["key"], found[0]["value"]) == (b"\x00k", b"\xff\x00 not json")
    assert found[0]["headers"] == [{"name": "h", "base64": "AP8="}, {"name": "t", "text": "v"}]
    assert (found[0]["agent"], found[0]["code"]) == ("rule-agent", "unreadable")
    assert found[0]["at"] == "2025-06-15T15:06:40.000Z"
    parts = await database.fetchrow(
        "SELECT request_topic, request_partition, request_offset, request_ts FROM dead_letters"
    )
    assert parts is not None
    assert tuple(parts) == ("judgify.requests.v1", 3, 7, 1_007)


async def test_writing_dead_letters_twice_leaves_one_copy_of_each(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    same = [make_letter(1), make_letter(1), make_letter(1, agent="llm-agent"), make_letter(2)]

    for _ in range(2):
        await sink.write_dead_letters([make_letters(*same)])

    assert await database.fetchval("SELECT count(*) FROM dead_letters") == 3


HOSTILE: list[tuple[bytes | None, bytes | None, Headers]] = [
    (b"k", b"v", ()),
    (None, None, ()),
    (b"k", b"v", (("judgify-dl-topic", b"t"),)),
    (b"k", b"v", (("judgify-dl-topic", b"\xff\x00"), ("x", None))),
    (
        b"k",
        b"v",
        [
            (name, b"9223372036854775808" if name.endswith("offset") else content)
            for name, content in build_dead_letter_headers(make_letter())
        ],
    ),
    (
        b"k",
        b"v",
        [
            (name, b"2025-99-99T15:06:40.000Z" if name.endswith("-at") else content)
            for name, content in build_dead_letter_headers(make_letter())
        ],
    ),
]


async def test_what_is_no_dead_letter_becomes_a_row_about_itself_and_is_not_buried_again(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    records = [
        FakeRecord(offset, key=key, value=value, headers=headers)
        for offset, (key, value, headers) in enumerate(HOSTILE)
    ]

    assert await sink.write_dead_letters([Batch(TOPIC, 2, records)]) == ()

    rows = await database.fetch("SELECT * FROM dead_letters ORDER BY record_offset")
    assert [(row["topic"], row["partition"]) for row in rows] == [(TOPIC, 2)] * len(HOSTILE)
    assert {row["code"] for row in rows} == {"not_a_dead_letter"}
    assert [row["value"] for row in rows] == [value for _, value, _ in HOSTILE]


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "a\x00b"},
        {"request_origin": "x/\x00"},
        {"request_origin": "t/99999999999/1/1"},
        {"request_origin": "t/1/1/1/1"},
        {"headers": (("\x00", b"\x00"), ("\ud800", None))},
        {"headers": None},
        {"timestamp": -1},
        {"topic": "t\x00"},
    ],
    ids=str,
)
async def test_texts_that_no_column_can_hold_cost_no_dead_letter(
    sink: PostgresSink, database: asyncpg.Connection, fields: dict[str, Any]
) -> None:
    assert not await sink.write_dead_letters([make_letters(make_letter(1, **fields))])

    assert await database.fetchval("SELECT code FROM dead_letters") == "unreadable"


async def test_a_refused_dead_letter_is_stored_bare_and_its_neighbours_whole(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    await database.execute(
        "ALTER TABLE dead_letters ADD CONSTRAINT no_poison CHECK (code <> 'poison')"
    )
    letters = [make_letter(n, code="poison" if n == 2 else "unreadable") for n in range(5)]

    assert not await sink.write_dead_letters([make_letters(*letters)])
    await database.execute("ALTER TABLE dead_letters DROP CONSTRAINT no_poison")

    rows = await database.fetch("SELECT code, topic, value FROM dead_letters ORDER BY code")
    assert [row["code"] for row in rows] == ["dead_letter_refused", *["unreadable"] * 4]
    assert rows[0]["value"] == letters[2].value


async def test_lists_are_filtered_and_go_on_where_they_ended(
    sink: PostgresSink, database_url: str
) -> None:
    letters = [make_letter(n, code="even" if n % 2 == 0 else "odd") for n in range(9)]
    await sink.write_dead_letters([make_letters(*letters)])

    seen: list[int] = []
    cursor = None
    while True:
        page = await fetch_dead_letters(
            database_url, DeadLetterFilter(code="even"), limit=2, cursor=cursor
        )
        seen += [row["record_offset"] for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break

    assert seen == [8, 6, 4, 2, 0]
