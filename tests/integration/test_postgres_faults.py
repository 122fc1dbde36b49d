"""What PostgreSQL may do to a sink: refuse a row, be away, be read-only, hold a lock, be old."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from runtime.metrics import REGISTRY
from schemas.errors import DependencyError, FatalError
from sinks.postgres import connection as connections
from sinks.postgres.isolation import REFUSED_IN_A_ROW_MAX
from sinks.postgres.migrate import upgrade
from sinks.postgres.sink import PostgresSink
from tests.support.results import encode_judgment, make_results

pytestmark = pytest.mark.services


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with our schema, no rows, and a judgment that it refuses."""
    await upgrade(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "TRUNCATE judgment_executions, judgment_duplicates, judgment_counts;"
        "ALTER TABLE judgment_executions DROP CONSTRAINT IF EXISTS no_poison;"
        "ALTER TABLE judgment_executions ADD CONSTRAINT no_poison CHECK (reason <> 'poison')"
    )
    yield connection
    await connection.close()


def poison(name: str, origin: int) -> bytes:
    return encode_judgment(name, origin, reason="poison")


async def stored(database: asyncpg.Connection) -> int:
    count: int = await database.fetchval("SELECT count(*) FROM judgment_executions")
    return count


@pytest.mark.parametrize("position", range(8))
async def test_a_refused_row_at_any_position_is_buried_alone(
    sink: PostgresSink, database: asyncpg.Connection, position: int
) -> None:
    values = [encode_judgment(f"r-{n}", n) for n in range(8)]
    values[position] = poison("bad", position)
    batch = make_results(*values)

    burials = await sink.write_results([batch])

    assert [burial.record for burial in burials] == [batch.records[position]]
    assert burials[0].error.code == "row_refused"
    assert (
        burials[0].request_origin == f"judgify.requests.v1/0/{position}/{1750000000000 + position}"
    )
    assert await stored(database) == 7
    assert await database.fetchval("SELECT sum(judgments) FROM judgment_counts") == 7


async def test_when_the_first_of_an_id_is_refused_the_second_stands(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    values = [poison("r", 1), encode_judgment("r", 2), encode_judgment("r", 3)]

    burials = await sink.write_results([make_results(*values)])

    assert len(burials) == 1
    assert await database.fetchval("SELECT origin_offset FROM judgment_executions") == 2
    assert await database.fetchval("SELECT origin_offset FROM judgment_duplicates") == 3


async def test_a_refusal_elsewhere_does_not_change_which_of_an_id_is_first(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    values = [
        encode_judgment("r", 1), encode_judgment("other", 2), poison("bad", 3), encode_judgment("r", 4),
    ]  # fmt: skip

    await sink.write_results([make_results(*values)])

    assert await database.fetchval("SELECT origin_offset FROM judgment_duplicates") == 4


async def test_a_refusal_of_every_row_stops_the_sink_instead_of_burying_the_topic(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    values = [poison(f"r-{n}", n) for n in range(REFUSED_IN_A_ROW_MAX)]

    for value in values[:-1]:
        assert len(await sink.write_results([make_results(value)])) == 1
    with pytest.raises(FatalError, match=r"refused 50 rows in a row.*no_poison"):
        await sink.write_results([make_results(values[-1])])

    assert await stored(database) == 0


async def test_many_refused_rows_with_stored_ones_between_stop_nothing(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    values = [poison(f"bad-{n}", n) if n % 2 else encode_judgment(f"r-{n}", n) for n in range(128)]

    burials = await sink.write_results([make_results(*values)])

    assert len(burials) == 64
    assert await stored(database) == 64


async def test_a_connection_lost_in_mid_write_stores_nothing_and_the_next_write_works(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    batch = make_results(*(encode_judgment(f"r-{n}", n) for n in range(20)))
    locker = await asyncpg.connect(database_url)
    lock = locker.transaction()
    await lock.start()
    await locker.execute("LOCK TABLE judgment_executions IN SHARE MODE")

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_outcome(sink.write_results([batch])))
        await _until_a_sink_waits(database)
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'postgres-sink' AND datname = current_database()"
        )
    await lock.rollback()
    await locker.close()

    assert isinstance(writing.result(), DependencyError)
    assert await stored(database) == 0
    assert REGISTRY.get_sample_value("dependency_up", {"name": "postgres"}) == 0
    assert not await sink.write_results([batch])
    assert await stored(database) == 20
    assert REGISTRY.get_sample_value("dependency_up", {"name": "postgres"}) == 1


async def _outcome(writing: Awaitable[object]) -> object:
    try:
        return await writing
    except DependencyError as error:
        return error


async def _until_a_sink_waits(database: asyncpg.Connection) -> None:
    deadline_s = asyncio.get_running_loop().time() + 10
    while not await database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postgres-sink' "
        "AND datname = current_database() AND wait_event_type = 'Lock'"
    ):
        assert asyncio.get_running_loop().time() < deadline_s, "no sink waited for the lock"


async def test_a_lock_that_is_never_released_is_a_dependency_that_is_away(
    database: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections._SERVER_SETTINGS, "lock_timeout", "100ms")
    sink = PostgresSink(database_url)
    await sink.open()

    async with database.transaction():
        await database.execute("LOCK TABLE judgment_executions IN SHARE MODE")
        with pytest.raises(DependencyError, match="55P03"):
            await sink.write_results([make_results(encode_judgment())])

    await sink.close()


async def test_a_server_that_stops_answering_does_not_hold_the_sink(
    database: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_TIMEOUT_S", 0.2)
    sink = PostgresSink(database_url)
    await sink.open()

    async with database.transaction():
        await database.execute("LOCK TABLE judgment_executions IN SHARE MODE")
        with pytest.raises(DependencyError, match="postgres"):
            await sink.write_results([make_results(encode_judgment())])

    await sink.close()


async def test_a_pool_that_is_used_up_is_waited_for_a_bounded_time(
    database: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ACQUIRE_TIMEOUT_S", 0.1)
    sink = PostgresSink(database_url, pool_max=1)
    await sink.open()
    assert sink._pool is not None

    async with sink._pool.acquire():
        with pytest.raises(DependencyError, match="no answer in time"):
            await sink.write_results([make_results(encode_judgment())])

    await sink.close()


async def test_a_read_only_database_is_a_dependency_that_is_away(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    name = urlsplit(database_url).path[1:]
    await database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        with pytest.raises(DependencyError, match="25006"):
            await sink.write_results([make_results(encode_judgment())])
    finally:
        await database.execute("SET default_transaction_read_only = off")
        await database.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


async def test_a_server_that_is_away_is_a_dependency_and_opening_does_not_need_it() -> None:
    sink = PostgresSink("postgresql://judgify@127.0.0.1:9/judgify")
    await sink.open()

    with pytest.raises(DependencyError, match="postgres"):
        await sink.write_results([make_results(encode_judgment())])

    await sink.close()


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE judgment_counts CASCADE",
        "ALTER TABLE judgment_executions DROP COLUMN detail",
        "ALTER TABLE judgment_executions DROP CONSTRAINT judgment_executions_pkey",
    ],
)
async def test_another_schema_stops_the_sink_with_one_line_that_says_what_to_do(
    database_server_url: str, change: str
) -> None:
    from tests.support.services import create_database, drop_database

    url = create_database(database_server_url)
    await upgrade(url)
    database = await asyncpg.connect(url)
    await database.execute(change)
    await database.close()
    sink = PostgresSink(url)
    await sink.open()

    with pytest.raises(FatalError, match="run `judgify db upgrade`") as failure:
        await sink.write_results([make_results(encode_judgment())])

    await sink.close()
    drop_database(database_server_url, url)
    assert "\n" not in str(failure.value)


async def test_a_schema_that_was_never_made_stops_the_sink(database_server_url: str) -> None:
    parts = urlsplit(database_server_url)
    sink = PostgresSink(urlunsplit(parts._replace(path="/template1")))
    await sink.open()

    with pytest.raises(FatalError, match="run `judgify db upgrade`"):
        await sink.write_results([make_results(encode_judgment())])

    await sink.close()


async def test_a_parameter_of_the_address_that_the_server_refuses_is_no_bad_row(
    database_url: str,
) -> None:
    sink = PostgresSink(f"{database_url}?default_transaction_isolation=bogus")

    with pytest.raises(FatalError, match=r"DATABASE_URL.*default_transaction_isolation"):
        await sink.open()


async def test_a_column_that_a_later_release_adds_does_not_stop_this_one(
    database: asyncpg.Connection, database_url: str
) -> None:
    await database.execute(
        "ALTER TABLE judgment_executions ADD COLUMN later text NOT NULL DEFAULT 'x'"
    )
    sink = PostgresSink(database_url)
    await sink.open()

    assert not await sink.write_results([make_results(encode_judgment())])

    await sink.close()
    await database.execute("ALTER TABLE judgment_executions DROP COLUMN later")


async def test_a_column_added_while_the_sink_runs_costs_it_at_most_one_more_try(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    await sink.write_results([make_results(encode_judgment("r-1", 1))])
    await database.execute("ALTER TABLE judgment_executions ADD COLUMN soon text DEFAULT 'x'")

    async def write() -> bool:
        try:
            await sink.write_results([make_results(encode_judgment("r-2", 2))])
        except DependencyError:
            return False
        return True

    assert await write() or await write()
    assert await stored(database) == 2
    await database.execute("ALTER TABLE judgment_executions DROP COLUMN soon")


async def test_closing_twice_or_while_the_server_is_away_takes_no_time(sink: PostgresSink) -> None:
    loop = asyncio.get_running_loop()
    started_s = loop.time()

    await sink.close()
    await sink.close()

    assert loop.time() - started_s < connections.CLOSE_TIMEOUT_S
    with pytest.raises(DependencyError, match="closed"):
        await sink.write_results([make_results(encode_judgment())])
