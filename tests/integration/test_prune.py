"""Retention on a real PostgreSQL: what is old goes, its counts with it, and nothing else does."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from schemas.dead_letter import DeadLetter
from schemas.errors import DependencyError
from sinks.postgres import prune as pruning_module
from sinks.postgres import slices
from sinks.postgres.prune import LOCK_ID, Keep, Pruning, count_expired, prune
from sinks.postgres.sink import PostgresSink
from sinks.postgres.slices import SliceSize
from sinks.postgres.statements import load_statement
from stream.batch import Batch
from tests.support.builders import FakeRecord
from tests.support.results import encode_judgment, make_results
from topics.headers import build_dead_letter_headers

pytestmark = pytest.mark.services

KEEP = Keep(judgments_days=90, dead_letters_days=30)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS_MIN", 10)
    monkeypatch.setattr(slices, "ROWS_MAX", 10)
    monkeypatch.setattr(pruning_module, "SliceSize", lambda: SliceSize(10))


async def store(
    sink: PostgresSink, database: asyncpg.Connection, names: range, age_days: float
) -> None:
    """Store judgments as if that had been so many days ago."""
    batch = make_results(*(encode_judgment(f"r-{n}", n) for n in names))
    assert not await sink.write_results([batch])
    await database.execute(
        "UPDATE judgment_executions SET stored_at = now() - make_interval(secs => $1) "
        "WHERE origin_offset BETWEEN $2 AND $3",
        age_days * 86_400, names[0], names[-1],
    )  # fmt: skip


async def find_kept(database: asyncpg.Connection) -> list[int]:
    rows = await database.fetch("SELECT origin_offset FROM judgment_executions ORDER BY 1")
    return [row[0] for row in rows]


async def require_exact_counts(database: asyncpg.Connection) -> None:
    """Check that the counts are those of the rows, and that none stands at nothing."""
    differing = await database.fetch(
        """
        SELECT minute, verdict, counts.judgments AS counted, rows.judgments AS stored
        FROM judgment_counts AS counts
        FULL JOIN (
            SELECT date_trunc('minute', requested_at) AS minute, verdict, count(*) AS judgments
            FROM judgment_executions GROUP BY 1, 2
        ) AS rows USING (minute, verdict)
        WHERE counts.judgments IS DISTINCT FROM rows.judgments
        """
    )
    assert differing == []


async def test_what_was_stored_too_long_ago_goes_with_its_counts_and_nothing_else(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(5), age_days=200)
    await store(sink, database, range(5, 8), age_days=90.01)
    await store(sink, database, range(8, 12), age_days=89.99)
    pruning = Pruning()

    await prune(database_url, KEEP, pruning)

    assert await find_kept(database) == [8, 9, 10, 11]
    assert [(it.table.title, it.rows) for it in pruning.tables] == [
        ("judgments", 8), ("duplicates", 0), ("dead letters", 0),
    ]  # fmt: skip
    assert pruning.tables[0].size_bytes > 8 * 300
    await require_exact_counts(database)


async def test_when_all_goes_no_count_is_left(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(3), age_days=100)

    await prune(database_url, KEEP, Pruning())

    assert await database.fetchval("SELECT count(*) FROM judgment_counts") == 0


async def test_a_duplicate_is_kept_after_it_was_seen_even_when_its_judgment_goes(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(1), age_days=100)
    await sink.write_results([make_results(encode_judgment("r-0", 7), encode_judgment("r-0", 8))])
    await database.execute(
        "UPDATE judgment_duplicates SET seen_at = now() - interval '91 days' WHERE origin_offset = 7"
    )

    await prune(database_url, KEEP, Pruning())

    assert await find_kept(database) == []
    assert await database.fetchval("SELECT origin_offset FROM judgment_duplicates") == 8


async def test_dead_letters_go_by_their_own_age(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await sink.write_dead_letters([make_dead_letters(3)])
    await database.execute(
        "UPDATE dead_letters SET at = now() - make_interval(days => 29 + record_offset::integer)"
    )

    await prune(database_url, KEEP, Pruning())

    kept = await database.fetch("SELECT record_offset FROM dead_letters")
    assert [row[0] for row in kept] == [0]


def make_dead_letters(count: int) -> Batch:
    letters = [
        DeadLetter(
            topic="judgify.requests.v1", partition=0, offset=offset, timestamp=1, agent="rule-agent",
            version="1", kind="message", code="c", reason="r", request_origin=None,
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            key=None, value=b"{}", headers=(),
        )
        for offset in range(count)
    ]  # fmt: skip
    records = [
        FakeRecord(
            number,
            value=letter.value,
            key=None,
            headers=[(name, told or b"") for name, told in build_dead_letter_headers(letter)],
        )
        for number, letter in enumerate(letters)
    ]
    return Batch("judgify.dead-letters.v1", 0, records)


@pytest.mark.usefixtures("small_slices")
async def test_a_stop_is_obeyed_after_the_slice_at_hand_and_a_later_run_goes_on(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(25), age_days=100)
    pruning = Pruning()

    await prune(database_url, KEEP, pruning, lambda *_: pruning.stop.set())

    assert pruning.rows == 10
    assert len(await find_kept(database)) == 15
    await require_exact_counts(database)
    rest = Pruning()
    await prune(database_url, KEEP, rest)
    assert rest.rows == 15


async def test_a_dry_run_counts_what_a_run_deletes_and_deletes_nothing(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(4), age_days=91)
    await store(sink, database, range(4, 6), age_days=1)

    counted = await count_expired(database_url, KEEP)

    assert counted == {"judgments": 4, "duplicates": 0, "dead letters": 0}
    assert len(await find_kept(database)) == 6


async def test_two_at_once_are_refused(database: asyncpg.Connection, database_url: str) -> None:
    await database.execute("SELECT pg_advisory_lock($1)", LOCK_ID)

    with pytest.raises(DependencyError, match="another `judgify db prune` is running"):
        await prune(database_url, KEEP, Pruning())

    await database.execute("SELECT pg_advisory_unlock($1)", LOCK_ID)


async def test_a_table_that_is_locked_is_waited_for_a_bounded_time_and_nothing_is_half_deleted(
    sink: PostgresSink,
    database: asyncpg.Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store(sink, database, range(4), age_days=100)
    monkeypatch.setattr(pruning_module, "LOCK_WAIT_MS", 20)
    monkeypatch.setattr(pruning_module, "RETRY_S", 0.01)

    async with database.transaction():
        await database.execute("LOCK TABLE judgment_counts IN SHARE MODE")
        with pytest.raises(DependencyError, match="55P03"):
            await prune(database_url, KEEP, Pruning())

    assert len(await find_kept(database)) == 4
    await prune(database_url, KEEP, Pruning())
    assert await find_kept(database) == []


async def test_a_table_that_autovacuum_is_at_is_left_to_it(
    sink: PostgresSink,
    database: asyncpg.Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store(sink, database, range(4), age_days=100)
    monkeypatch.setattr(pruning_module, "LOCK_WAIT_MS", 50)

    async with database.transaction():
        await database.execute("LOCK TABLE judgment_executions IN SHARE UPDATE EXCLUSIVE MODE")
        await prune(database_url, KEEP, Pruning())

    assert await find_kept(database) == []


@pytest.mark.usefixtures("small_slices")
async def test_beside_a_sink_that_writes_the_same_minutes_no_count_is_lost(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    await store(sink, database, range(400), age_days=100)

    async def write() -> None:
        for first in range(1_000, 1_400, 20):
            names = range(first, first + 20)
            verdicts = ("fail", "ok")
            values = [encode_judgment(f"r-{n}", n, verdict=verdicts[n % 2]) for n in names]
            assert not await sink.write_results([make_results(*values)])

    pruning = Pruning()
    await asyncio.gather(prune(database_url, KEEP, pruning), write())

    assert pruning.rows == 400
    assert pruning.tables[0].slices == 40
    assert await find_kept(database) == list(range(1_000, 1_400))
    await require_exact_counts(database)


async def test_no_plan_of_a_slice_is_compiled(
    database: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = pruning_module._fetch_cutoff

    async def look(connection: asyncpg.Connection, days: int) -> datetime:
        seen.append(await connection.fetchval("SHOW jit"))
        return await real(connection, days)

    monkeypatch.setattr(pruning_module, "_fetch_cutoff", look)

    await prune(database_url, KEEP, Pruning())

    assert seen == ["off"] * 3


AGES = (None, datetime.now(UTC), 1_000)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("prune_judgments", AGES),
        ("prune_duplicates", AGES),
        ("prune_dead_letters", AGES),
        ("audit_lost", (["a", "b"], 9)),
        ("audit_offsets", ("a", 1, 0, 100_000, 0, ["rule-agent"])),
        ("list_judgments", (None, None, None, "error", None, None, None, None, 9, None)),
    ],
)
async def test_no_statement_over_many_rows_has_to_read_a_whole_table(
    database: asyncpg.Connection, name: str, parameters: tuple[object, ...]
) -> None:
    await database.execute(load_statement("create_pruned_counts"))
    await database.execute("SET enable_seqscan = off")

    rows = await database.fetch(f"EXPLAIN {load_statement(name)}", *parameters)

    plan = "\n".join(row[0] for row in rows)
    await database.execute("RESET enable_seqscan; DROP TABLE pruned_counts")
    assert "Seq Scan" not in plan, plan
    assert "Index" in plan, plan
