"""Migrations on a real PostgreSQL: each once, in order, all or nothing, never edited."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from schemas.errors import DependencyError, FatalError
from sinks.postgres import migrate
from sinks.postgres.migrate import MIGRATIONS_DIR, fetch_status, load_migrations, upgrade
from tests.support.services import create_database, drop_database

pytestmark = pytest.mark.services


@pytest.fixture
def fresh_url(database_server_url: str) -> Iterator[str]:
    url = create_database(database_server_url)
    yield url
    drop_database(database_server_url, url)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "0001_first.sql").write_text("CREATE TABLE a (n integer); CREATE TABLE b ();")
    return directory


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_an_empty_database_gets_every_table_and_a_second_upgrade_does_nothing(
    fresh_url: str,
) -> None:
    applied = await upgrade(fresh_url)

    assert [state.name for state in applied] == [it.name for it in load_migrations()]
    assert await upgrade(fresh_url) == []
    assert {state.state for state in await fetch_status(fresh_url)} == {"applied"}
    for table in (
        "workflows", "workflow_versions", "workflow_activations", "judgment_executions",
        "judgment_duplicates", "judgment_counts", "dead_letters", "schema_migrations",
    ):  # fmt: skip
        assert await query(fresh_url, f"SELECT to_regclass('{table}') IS NOT NULL"), table


async def test_status_of_an_untouched_database_changes_nothing(fresh_url: str) -> None:
    states = await fetch_status(fresh_url)

    assert {state.state for state in states} == {"pending"}
    assert await query(fresh_url, "SELECT to_regclass('schema_migrations') IS NULL")


async def test_upgrades_that_start_at_once_apply_each_migration_once(fresh_url: str) -> None:
    applied = await asyncio.gather(*(upgrade(fresh_url) for _ in range(5)))

    assert sorted(len(states) for states in applied) == [0, 0, 0, 0, len(load_migrations())]


async def test_an_upgrade_that_never_ends_is_waited_for_a_bounded_time(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "UPGRADE_WAIT_S", 0.2)
    other = await asyncpg.connect(fresh_url)
    await other.execute("SELECT pg_advisory_lock($1)", migrate.LOCK_ID)

    with pytest.raises(DependencyError, match="another `judgify db upgrade`"):
        await upgrade(fresh_url)

    await other.close()


async def test_an_edited_file_is_refused_and_nothing_is_applied(
    fresh_url: str, files: Path
) -> None:
    await upgrade(fresh_url, files)
    (files / "0001_first.sql").write_text("CREATE TABLE a (n bigint)")
    (files / "0002_second.sql").write_text("CREATE TABLE c ()")

    with pytest.raises(FatalError, match="0001_first was edited after it was applied"):
        await upgrade(fresh_url, files)

    assert [state.state for state in await fetch_status(fresh_url, files)] == ["edited", "pending"]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE c (); SELECT 1 / 0",
        "CREATE TABLE c (); NONSENSE",
        # Works by itself; what fails is our note that it was applied.
        "CREATE TABLE c (); INSERT INTO schema_migrations (version, name, checksum) VALUES (2, '', '')",
    ],
)
async def test_a_migration_that_fails_leaves_nothing_of_itself(
    fresh_url: str, files: Path, sql: str
) -> None:
    (files / "0002_second.sql").write_text(sql)

    with pytest.raises(FatalError, match="0002_second failed, nothing changed"):
        await upgrade(fresh_url, files)

    states = [state.state for state in await fetch_status(fresh_url, files)]
    assert states == ["applied", "pending"]
    assert await query(fresh_url, "SELECT to_regclass('c') IS NULL")


async def test_a_database_of_a_newer_release_is_left_alone(fresh_url: str, files: Path) -> None:
    (files / "0002_second.sql").write_text("CREATE TABLE c ()")
    await upgrade(fresh_url, files)
    (files / "0002_second.sql").unlink()

    assert await upgrade(fresh_url, files) == []
    states = [state.state for state in await fetch_status(fresh_url, files)]
    assert states == ["applied", "unknown"]


async def test_a_number_that_was_passed_is_refused(fresh_url: str, files: Path) -> None:
    (files / "0002_second.sql").write_text("CREATE TABLE c ()")
    await upgrade(fresh_url, files)
    await query(fresh_url, "DELETE FROM schema_migrations WHERE version = 1")

    with pytest.raises(FatalError, match="0001_first is older than what was applied"):
        await upgrade(fresh_url, files)


@pytest.mark.parametrize("name", ["0003_gap.sql", "2_short.sql", "0002.sql", "000x_y.sql"])
def test_a_misnamed_file_is_named(files: Path, name: str) -> None:
    (files / name).write_text("SELECT 1")

    with pytest.raises(FatalError, match=name):
        load_migrations(files)


async def test_a_table_that_is_in_use_is_waited_for_a_bounded_time(
    fresh_url: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TABLE_LOCK_WAIT_S", 0.2)
    await upgrade(fresh_url, files)
    (files / "0002_second.sql").write_text("ALTER TABLE a ADD COLUMN m text")
    other = await asyncpg.connect(fresh_url)

    async with other.transaction():
        await other.execute("SELECT * FROM a")
        with pytest.raises(DependencyError, match=r"0002_second: 55P03.*nothing changed"):
            await upgrade(fresh_url, files)

    await other.close()
    assert len(await upgrade(fresh_url, files)) == 1


INDEX = """-- judgify: no transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS a_by_n ON a (n);  -- of the numbers
CREATE INDEX CONCURRENTLY IF NOT EXISTS a_by_n_again
    ON a (n) WHERE n > 0;
"""
WAITS = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()"


async def test_an_index_is_built_while_others_write(fresh_url: str, files: Path) -> None:
    await upgrade(fresh_url, files)
    (files / "0002_index.sql").write_text(INDEX)
    writer, other = await asyncpg.connect(fresh_url), await asyncpg.connect(fresh_url)
    await writer.execute("BEGIN; INSERT INTO a VALUES (1)")  # what the build waits for

    upgrading = asyncio.ensure_future(upgrade(fresh_url, files))
    await wait_for(lambda: other.fetchval(WAITS))
    await other.execute("SET lock_timeout = '1s'; INSERT INTO a VALUES (2)")
    await writer.execute("COMMIT")

    assert [state.name for state in await upgrading] == ["index"]
    await asyncio.gather(writer.close(), other.close())
    assert await query(fresh_url, "SELECT count(*) FROM pg_index WHERE indisvalid "
                                  "AND indrelid = 'a'::regclass") == 2  # fmt: skip


async def wait_for(ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        while not await ask():  # noqa: ASYNC110 -- nobody tells us
            await asyncio.sleep(0.01)


async def test_an_index_that_was_cut_off_is_removed_and_built_by_the_next_upgrade(
    fresh_url: str, files: Path
) -> None:
    await upgrade(fresh_url, files)
    await query(fresh_url, "INSERT INTO a VALUES (1), (1)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await query(fresh_url, "CREATE UNIQUE INDEX CONCURRENTLY a_by_n ON a (n)")
    (files / "0002_index.sql").write_text(INDEX)

    await upgrade(fresh_url, files)

    assert await query(
        fresh_url,
        "SELECT indisvalid AND NOT indisunique FROM pg_index WHERE indexrelid = 'a_by_n'::regclass",
    )
    assert await upgrade(fresh_url, files) == []


async def test_upgrades_that_meet_at_an_index_do_not_wait_for_each_other_for_ever(
    fresh_url: str, files: Path
) -> None:
    await upgrade(fresh_url, files)
    (files / "0002_index.sql").write_text(INDEX)

    async with asyncio.timeout(30):
        applied = await asyncio.gather(*(upgrade(fresh_url, files) for _ in range(4)))

    assert sorted(len(states) for states in applied) == [0, 0, 0, 1]


async def test_an_index_that_fails_is_not_noted_and_the_message_says_how_to_go_on(
    fresh_url: str, files: Path
) -> None:
    await upgrade(fresh_url, files)
    (files / "0002_index.sql").write_text(INDEX.replace("a (n) WHERE", "a (m) WHERE"))

    with pytest.raises(FatalError, match="0002_index failed, run it again: it goes on from there"):
        await upgrade(fresh_url, files)

    assert [state.state for state in await fetch_status(fresh_url, files)] == ["applied", "pending"]
    (files / "0002_index.sql").write_text(INDEX)
    assert len(await upgrade(fresh_url, files)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE a",
        "CREATE INDEX CONCURRENTLY x ON a (n)",
        "CREATE INDEX IF NOT EXISTS x ON a (n)",
    ],
)
async def test_what_cannot_be_done_again_is_refused_outside_a_transaction(
    fresh_url: str, files: Path, statement: str
) -> None:
    await upgrade(fresh_url, files)
    (files / "0002_index.sql").write_text(f"{INDEX}{statement};")

    with pytest.raises(FatalError, match="0002_index: outside a transaction") as refused:
        await upgrade(fresh_url, files)

    assert statement in str(refused.value)
    assert await query(fresh_url, "SELECT to_regclass('a_by_n') IS NULL")


async def test_an_earlier_text_that_left_the_same_schema_counts_as_applied(
    fresh_url: str, files: Path
) -> None:
    earlier = load_migrations(files)[0].checksum
    await upgrade(fresh_url, files)

    (files / "0001_first.sql").write_text(f"-- judgify: same as {earlier}\nCREATE TABLE a (); ")

    assert await upgrade(fresh_url, files) == []
    assert [state.state for state in await fetch_status(fresh_url, files)] == ["applied"]


def test_the_files_of_this_release_are_numbered_from_one(tmp_path: Path) -> None:
    copy = shutil.copytree(MIGRATIONS_DIR, tmp_path / "copy")

    numbers = [migration.version for migration in load_migrations(copy)]

    assert numbers == list(range(1, len(numbers) + 1))
