"""Plain questions to PostgreSQL from code that has no event loop, and a lock that is held."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0
ERRORS: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What any of these may raise while PostgreSQL is being broken."""


def execute(url: str, *statements: str) -> None:
    """Run `statements`, each in a transaction of its own."""

    async def run() -> None:
        connection = await _connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            connection.terminate()

    asyncio.run(run())


def fetch(url: str, question: str) -> Sequence[Sequence[Any]]:
    """Return the rows of `question`."""

    async def run() -> Sequence[Sequence[Any]]:
        connection = await _connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            connection.terminate()

    return asyncio.run(run())


class Lock:
    """A table that nobody else may touch, until released."""

    def __init__(self, url: str, table: str) -> None:
        self._url = url
        self._table = table
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lock", daemon=True)
        self.failure: str | None = None

    def take(self) -> None:
        self._thread.start()

    def release(self) -> None:
        self._released.set()
        self._thread.join(ANSWER_TIMEOUT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._hold())
        except ERRORS as error:
            self.failure = f"{type(error).__name__}: {error}"

    async def _hold(self) -> None:
        connection = await _connect(self._url)
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {self._table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.to_thread(self._released.wait)
        finally:
            connection.terminate()


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    settings = {"application_name": "chaos", "default_transaction_read_only": "off"}
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        url, timeout=CONNECT_TIMEOUT_S, command_timeout=ANSWER_TIMEOUT_S, server_settings=settings
    )
    return connection
