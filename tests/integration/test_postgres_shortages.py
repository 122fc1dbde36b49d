"""What PostgreSQL may lack: room, connections, our password. The sink waits and loses nothing."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from runtime.disk import MIB, DiskFloor
from schemas.errors import DependencyError
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.results import encode_judgment, make_results
from tests.support.services import make_name
from tests.support.skips import NO_RIGHT_TO_MOUNT

pytestmark = pytest.mark.services

ROOM_MIB = 12


@pytest.fixture
async def role(database: asyncpg.Connection) -> AsyncIterator[str]:
    """A role that may write and log in once at a time; its password is `right`."""
    name = make_name("sink_")
    await database.execute(
        f"CREATE ROLE {name} LOGIN PASSWORD 'right' CONNECTION LIMIT 1;"
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"
    )
    yield name
    await database.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def log_in_as(url: str, role: str, password: str = "right") -> str:  # noqa: S107 -- of this test's role
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


async def stored(database: asyncpg.Connection) -> int:
    count: int = await database.fetchval("SELECT count(*) FROM judgment_executions")
    return count


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few MiB that PostgreSQL may write to; needs the right to mount one."""
    place = Path("/tmp") / f"judgify-room-{secrets.token_hex(4)}"  # noqa: S108 -- PostgreSQL's user cannot reach tmp_path
    place.mkdir(mode=0o755)
    options = f"size={ROOM_MIB}m,mode=0777"
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        place.rmdir()
        pytest.skip(NO_RIGHT_TO_MOUNT)
    inner = place / "space"
    inner.mkdir(mode=0o700)
    yield inner
    subprocess.check_call(["umount", "--lazy", str(place)])
    place.rmdir()


@pytest.fixture
async def small_space(database: asyncpg.Connection, small_disk: Path) -> AsyncIterator[str]:
    """A tablespace on the small disk; the judgments are in it."""
    give_away(small_disk, Path(await database.fetchval("SHOW data_directory")))
    name = make_name("room_")
    await database.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk}'")
    await database.execute(f"ALTER TABLE judgment_executions SET TABLESPACE {name}")
    yield name
    await database.execute("DROP TABLE IF EXISTS filler")
    await database.execute("ALTER TABLE judgment_executions SET TABLESPACE pg_default")
    await database.execute(f"DROP TABLESPACE {name}")


async def test_a_full_disk_holds_the_sink_which_goes_on_when_there_is_room(
    sink: PostgresSink, database: asyncpg.Connection, small_space: str
) -> None:
    await database.execute(f"CREATE TABLE filler (t text) TABLESPACE {small_space}")
    await fill(database)
    batch = make_results(*(encode_judgment(f"r-{n}", n, reason="x" * 200) for n in range(500)))

    with pytest.raises(DependencyError, match="postgres: 53100"):
        await sink.write_results([batch])
    left = await stored(database)
    await database.execute("DROP TABLE filler")
    await sink.write_results([batch])

    assert left == 0
    assert await stored(database) == 500


def give_away(directory: Path, data_directory: Path) -> None:
    """Give `directory` to whom PostgreSQL's own belongs."""
    if not data_directory.exists():
        pytest.skip("PostgreSQL runs on another machine")
    owner = data_directory.stat()
    os.chown(directory, owner.st_uid, owner.st_gid)


async def fill(database: asyncpg.Connection) -> None:
    """Take all the room there is, in steps that become smaller."""
    for rows in (1_000, 100, 10, 1):
        try:
            while True:
                await database.execute(
                    "INSERT INTO filler SELECT repeat(md5(n::text), 100) FROM generate_series(1, $1) n",
                    rows,
                )
        except asyncpg.DiskFullError:
            continue


async def test_too_many_connections_hold_the_sink_which_goes_on_when_one_is_free(
    database: asyncpg.Connection, database_url: str, role: str
) -> None:
    url = log_in_as(database_url, role)
    sink = PostgresSink(url)
    await sink.open()
    other = await asyncpg.connect(url)
    batch = make_results(encode_judgment())

    with pytest.raises(DependencyError, match="postgres: 53300"):
        await sink.write_results([batch])
    await other.close()
    await write_when_free(sink, batch)

    assert await stored(database) == 1
    await sink.close()


async def write_when_free(sink: PostgresSink, batch: Batch) -> None:
    """Write as the seam does: until it works. A closed session counts for a moment more."""
    async with asyncio.timeout(10):
        while True:
            try:
                await sink.write_results([batch])
            except DependencyError:
                await asyncio.sleep(0.02)
            else:
                return


async def test_a_refused_password_is_told_at_the_start_and_put_right_without_a_restart(
    database: asyncpg.Connection, database_url: str, role: str
) -> None:
    sink = PostgresSink(log_in_as(database_url, role, "corrected"))

    with pytest.raises(DependencyError, match=r"postgres: .*28P01.*check DATABASE_URL"):
        await sink.open()
    await database.execute(f"ALTER ROLE {role} PASSWORD 'corrected'")
    await sink.open()
    await sink.write_results([make_results(encode_judgment())])

    assert await stored(database) == 1
    await sink.close()


async def test_a_database_that_is_not_there_is_told_at_the_start(database_url: str) -> None:
    parts = urlsplit(database_url)
    sink = PostgresSink(urlunsplit(parts._replace(path="/nowhere")))

    with pytest.raises(DependencyError, match="3D000"):
        await sink.open()


async def test_a_short_disk_holds_the_sink_before_postgresql_is_asked_for_room(
    database: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    free = [99 * MIB]
    sink = PostgresSink(database_url, disk=DiskFloor((tmp_path,), 100, lambda _: free[0]))
    await sink.open()
    batch = make_results(encode_judgment())

    with pytest.raises(DependencyError, match=r"disk: .*has 99 MiB left") as short:
        await sink.write_results([batch])
    assert short.value.dependency == "disk"
    assert await stored(database) == 0
    free[0] = 100 * MIB
    assert not await sink.write_results([batch])

    assert await stored(database) == 1
    await sink.close()
