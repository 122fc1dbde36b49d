"""What `judgify status` learns from a real PostgreSQL, and from one that refuses."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from judgify.status import database as asking
from judgify.status.database import ask_database
from sinks.postgres.migrate import upgrade
from sinks.postgres.sink import PostgresSink
from tests.support.results import encode_judgment, make_results

pytestmark = pytest.mark.services


async def store(database_url: str) -> None:
    """Store two errors, one verdict, a reused id with the same content and one with another."""
    broken = {"status": "error", "verdict": None, "confidence": None, "rule": None}
    error = {"code": "invalid_input", "message": "rpm is missing"}
    sink = PostgresSink(database_url)
    await sink.open()
    values = [
        encode_judgment("r-1", origin=1),
        encode_judgment("r-1", origin=2),
        encode_judgment("r-1", origin=3, verdict="ok"),
        encode_judgment("r-2", origin=4, error=error, **broken),
        encode_judgment("r-3", origin=5, error=error, **broken),
    ]
    assert not await sink.write_results([make_results(*values)])
    await sink.close()


async def test_errors_and_reused_ids_of_the_last_hour_are_counted(database_url: str) -> None:
    await upgrade(database_url)
    await store(database_url)

    found = await ask_database(database_url)

    assert found.view.error is None
    assert [(it.workflow_id, it.code, it.records) for it in found.errors or ()] == [
        ("milling", "invalid_input", 2)
    ]
    assert [(it.workflow_id, it.records) for it in found.conflicts or ()] == [("milling", 1)]
    assert found.dead_letters == []


async def test_what_is_older_than_an_hour_is_not_counted(database_url: str) -> None:
    await upgrade(database_url)
    connection = await asyncpg.connect(database_url)
    for statement in (
        "UPDATE judgment_executions SET stored_at = now() - interval '61 minutes'",
        "UPDATE judgment_duplicates SET seen_at = now() - interval '61 minutes'",
    ):
        await connection.execute(statement)
    await connection.close()

    found = await ask_database(database_url)

    assert (found.errors, found.conflicts) == ([], [])


async def test_a_wrong_password_is_a_refusal_and_no_absence(database_url: str) -> None:
    parts = urlsplit(database_url)
    wrong = parts._replace(netloc=f"{parts.username}:hunter2@{parts.hostname}:{parts.port}")

    found = await ask_database(urlunsplit(wrong))

    assert found.view.trouble == "refuses"
    assert "28P01" in str(found.view.error)
    assert "hunter2" not in found.view.model_dump_json()
    assert found.errors is None


async def test_a_table_that_is_locked_costs_its_own_count_alone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upgrade(database_url)
    monkeypatch.setattr(asking, "TIMEOUT_S", 0.5)
    connection = await asyncpg.connect(database_url)

    async with connection.transaction():
        await connection.execute("LOCK TABLE judgment_duplicates IN ACCESS EXCLUSIVE MODE")
        found = await asyncio.wait_for(ask_database(database_url), 5)
    await connection.close()

    assert found.view.trouble == "mute"
    assert found.dead_letters == []
    assert found.errors is not None
    assert found.conflicts is None
