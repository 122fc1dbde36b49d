"""Long files first; and for tests that store, a database with our schema and an open sink."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from sinks.postgres.migrate import upgrade
from sinks.postgres.sink import PostgresSink

LONGEST_FIRST: Final = (
    "test_stream_hazards.py",
    "test_stack.py",
    "test_stream_peculiar.py",
    "test_stream_culprits.py",
    "test_stream_concurrent.py",
    "test_stream_reproductions.py",
    "test_tour.py",
    "test_demo.py",
    "test_workflow_publishing.py",
)
"""The files that take longest (`--durations=0` tells), each of which one worker runs alone.

A worker that begins one of them last keeps all others waiting.
"""


@pytest.hookimpl(trylast=True)  # after the order was drawn: it stays as it is below these
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for name in LONGEST_FIRST:
        if not Path(__file__).with_name(name).is_file():
            raise pytest.UsageError(f"{name} of LONGEST_FIRST is gone: name what takes its time")
    rank = {Path(__file__).with_name(name): place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


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
