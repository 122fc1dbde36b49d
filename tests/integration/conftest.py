"""Fixtures of the tests that store: a database with our schema and no rows, and an open sink."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from sinks.postgres.migrate import upgrade
from sinks.postgres.sink import PostgresSink


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with our schema and no rows."""
    await upgrade(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "TRUNCATE judgment_executions, judgment_duplicates, judgment_counts, dead_letters"
    )
    yield connection
    await connection.close()


@pytest.fixture
async def sink(database: asyncpg.Connection, database_url: str) -> AsyncIterator[PostgresSink]:
    """A sink that writes to that database."""
    del database  # its schema is made
    sink = PostgresSink(database_url)
    await sink.open()
    yield sink
    await sink.close()
