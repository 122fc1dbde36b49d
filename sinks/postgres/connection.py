"""Connections to PostgreSQL: a sink's pool, single ones for commands, and their limits."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg

from runtime.metrics import DATABASE_CONNECTION_POOL_USAGE
from schemas.errors import FatalError
from sinks.postgres.errors import RowRefused, postgres_errors

# In quotes: asyncpg's classes take parameters only in its stubs.
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Init: TypeAlias = Callable[[Connection], Coroutine[Any, Any, None]]

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 30.0
"""Of one statement or COPY, seen from here: a dead socket answers nothing and holds nothing."""
ACQUIRE_TIMEOUT_S: Final = 15.0
"""For a free connection; asyncpg itself would wait for ever."""
CLOSE_TIMEOUT_S: Final = 3.0
POOL_MAX: Final = 4
"""Connections of one sink unless the settings say otherwise."""

_SERVER_SETTINGS: Final = {
    "statement_timeout": "25s",  # below COMMAND_TIMEOUT_S: the server gives up first, and says so
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}


_WRITER_SETTINGS: Final = {
    # Writing looks rows up by their key alone. A plan made while the tables were small would scan
    # them, and be kept while they grow; with scans disabled, plans look so dear that JIT starts.
    "enable_seqscan": "off",
    "jit": "off",
    "work_mem": "32MB",  # the sort of a batch stays in memory
}


def _server_settings(application: str) -> dict[str, str]:
    return {**_SERVER_SETTINGS, "application_name": application}


@asynccontextmanager
async def connect(database_url: str, application: str) -> AsyncGenerator[Connection]:
    """Yield one connection for a command; closed afterwards, by force when the server is gone.

    Raises:
        DependencyError: nobody answers there.
        FatalError: the address or the role is wrong.
    """
    try:
        with postgres_errors():
            connection = await asyncpg.connect(
                database_url,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                server_settings=_server_settings(application),
            )
    except RowRefused as error:  # no row was sent: it speaks of a parameter of the address
        raise FatalError(f"PostgreSQL refuses what DATABASE_URL asks for ({error})") from error
    try:
        with postgres_errors():
            yield connection
    finally:
        await _close(connection)


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


async def open_pool(database_url: str, application: str, pool_max: int, init: Init) -> Pool:
    """Return a pool that connects when first used: its server may be away now.

    `init` runs once on every new connection.
    """
    with postgres_errors():
        return await asyncpg.create_pool(
            database_url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=_server_settings(application) | _WRITER_SETTINGS,
            min_size=0,
            max_size=pool_max,
            init=init,
        )


async def close_pool(pool: Pool) -> None:
    """Close within `CLOSE_TIMEOUT_S`; what is still being written then is rolled back."""
    try:
        await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[Connection]:
    """Yield a connection inside a transaction; committed at the end, rolled back on any error.

    Raises:
        DependencyError, FatalError, RowRefused: assume nothing was stored.
    """
    with postgres_errors():
        connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        _show_usage(pool)
        try:
            async with connection.transaction():
                try:
                    yield connection
                except asyncio.CancelledError:
                    # No ROLLBACK over a connection that may be dead: the server does it by itself.
                    connection.terminate()
                    raise
        finally:
            await pool.release(connection, timeout=CLOSE_TIMEOUT_S)
            _show_usage(pool)


def _show_usage(pool: Pool) -> None:
    in_use = pool.get_size() - pool.get_idle_size()
    DATABASE_CONNECTION_POOL_USAGE.set(in_use / pool.get_max_size())
