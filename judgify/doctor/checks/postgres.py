"""PostgreSQL: it answers, is new enough, lets us write, has room for our connections."""

import asyncio
from collections.abc import Iterator
from typing import Final

from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject, start
from judgify.status.database import find_trouble
from judgify.status.snapshot import Trouble
from runtime.addresses import without_password
from schemas.errors import DependencyError, FatalError
from sinks.postgres.health import PostgresHealth, fetch_health

VERSION_MIN: Final = 15
TIMEOUT_S: Final = 4.0


def look(subject: Subject) -> Iterator[Finding]:
    """Ask the server how it stands."""
    url = subject.database_url
    if url is None:
        yield fail("no address is known", "`judgify up`, or set DATABASE_URL")
        return
    where = without_password(url)
    try:
        health = asyncio.run(_fetch(url))
    except TimeoutError:
        yield _judge_silence(subject, where, asyncio.run(find_trouble(url)))
    except DependencyError as error:
        yield fail(f"no answer at {where}: {error.reason}", start("PostgreSQL", subject))
    except FatalError as error:
        yield fail(str(error), "see there")
    else:
        yield from judge(health, subject.settings.pg_pool_max)


def _judge_silence(subject: Subject, where: str, trouble: Trouble) -> Finding:
    if trouble == "mute":
        return fail(
            f"{where} accepts connections but does not answer in {TIMEOUT_S:g} s",
            "look for a full disk, a stopped process, or sessions that hold locks",
        )
    return fail(f"no answer at {where} in {TIMEOUT_S:g} s", start("PostgreSQL", subject))


async def _fetch(url: str) -> PostgresHealth:
    async with asyncio.timeout(TIMEOUT_S):
        return await fetch_health(url)


def judge(health: PostgresHealth, pool_max: int) -> Iterator[Finding]:
    """Yield what is wrong with a server that answers; else that nothing is."""
    problems = [*_find_problems(health, pool_max)]
    yield from problems or [
        ok(
            f"{health.version}, schema {health.schema_version}, "
            f"{health.connections_free} connections free"
        )
    ]


def _find_problems(health: PostgresHealth, pool_max: int) -> Iterator[Finding]:
    if health.major < VERSION_MIN:
        yield fail(
            f"PostgreSQL {health.version}: {VERSION_MIN} is the oldest that will do", "upgrade it"
        )
    if health.read_only:
        yield fail(
            "it takes no writes (a standby, or read-only by default)",
            "name the primary in DATABASE_URL",
        )
    yield from _judge_schema(health)
    yield from _judge_role(health)
    if health.connections_free < pool_max:
        yield warn(
            f"{health.connections_free} connections free, one more process takes {pool_max}",
            "raise max_connections, or lower PG_POOL_MAX",
        )


def _judge_schema(health: PostgresHealth) -> Iterator[Finding]:
    if health.pending:
        yield fail(f"the schema lacks {', '.join(health.pending)}", "`judgify db upgrade`")
    if health.edited:
        yield fail(
            f"the schema was made by another text of {', '.join(health.edited)}",
            "restore that file: what was applied is not edited",
        )
    if health.unknown:
        yield warn(
            f"the schema is of a newer release: {', '.join(health.unknown)}",
            "upgrade Judgify here as well",
        )


def _judge_role(health: PostgresHealth) -> Iterator[Finding]:
    if health.not_writable:
        yield fail(
            f"{health.role} may not write {', '.join(health.not_writable)}",
            f"grant SELECT, INSERT, UPDATE, DELETE on them to {health.role}",
        )
    elif health.not_deletable:
        yield warn(
            f"{health.role} lacks DELETE on {', '.join(health.not_deletable)}: "
            "`judgify db prune` fails as this role",
            f"grant DELETE on them to {health.role}, or prune as another role",
        )
    if not health.makes_temporary_tables:
        yield fail(
            f"{health.role} may not make temporary tables",
            f"GRANT TEMPORARY ON DATABASE … TO {health.role}",
        )
