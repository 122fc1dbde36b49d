"""The laws of storing judgments, on a real PostgreSQL: once each, the first for ever."""

import asyncio
import random
from collections import Counter
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from runtime.metrics import REGISTRY
from sinks.postgres import sink as sinks
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.results import encode_judgment, judgment_id, make_results, offsets

pytestmark = pytest.mark.services


async def contents(database: asyncpg.Connection) -> list[Any]:
    """Return all that is stored about judgments, without the time of storing."""
    judgments = await database.fetch(
        "SELECT judgment_id, origin_offset, verdict, input_data FROM judgment_executions ORDER BY 1"
    )
    duplicates = await database.fetch(
        "SELECT origin_offset, judgment_id, same_content FROM judgment_duplicates ORDER BY 1"
    )
    counts = await database.fetch("SELECT * FROM judgment_counts ORDER BY verdict, rule")
    return [judgments, duplicates, counts]


def metric(name: str, registry: CollectorRegistry = REGISTRY, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


async def test_a_judgment_is_stored_with_all_that_it_says(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    error = {"code": "invalid_input", "message": "rpm: missing"}
    value = encode_judgment(
        "r-7", 42, status="error", verdict=None, confidence=None, rule=None, error=error,
        unknown=["rpm"], input_data={"온도": 21.5, "n": [1, None, {"x": "é\\u0000"}]},
        correlation_id="c-1", test=True,
    )  # fmt: skip

    assert not await sink.write_results([make_results(value)])

    row = await database.fetchrow("SELECT * FROM judgment_executions")
    assert row is not None
    assert str(row["judgment_id"]) == judgment_id("r-7")
    assert (row["status"], row["error_code"], row["verdict"]) == ("error", "invalid_input", None)
    assert (row["origin_topic"], row["origin_partition"]) == ("judgify.requests.v1", 0)
    assert (row["origin_offset"], row["origin_ts"]) == (42, 1_750_000_000_042)
    assert row["requested_at"].isoformat() == "2025-06-15T15:06:40+00:00"
    assert (row["correlation_id"], row["test"], row["execution_time_ms"]) == ("c-1", True, 5.0)
    assert await database.fetchval(
        "SELECT input_data = $1::jsonb FROM judgment_executions",
        r'{"온도": 21.5, "n": [1, null, {"x": "é\\u0000"}]}',
    )
    assert await database.fetchval(
        "SELECT detail #>> '{error,message}' FROM judgment_executions"
    ) == ("rpm: missing")


async def test_writing_a_batch_twice_leaves_one_copy(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    batch = make_results(*(encode_judgment(f"r-{n}", n) for n in range(50)))
    await sink.write_results([batch])
    once = await contents(database)
    dropped = metric("duplicates_dropped_total", stage="postgres-sink")

    assert not await sink.write_results([batch])

    assert len(once[0]) == 50
    assert await contents(database) == once
    assert metric("duplicates_dropped_total", stage="postgres-sink") == dropped + 50


async def test_a_write_in_parts_is_seen_to_go_on_after_each(
    sink: PostgresSink, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.postgres.sink.ROWS_MAX", 20)
    seen: list[None] = []
    sink.note_progress = lambda: seen.append(None)

    await sink.write_results([make_results(*(encode_judgment(f"r-{n}", n) for n in range(50)))])

    assert len(seen) == 3


@pytest.mark.parametrize(
    ("stored_before", "winner"), [(None, 1), (2, 2), (9, 9)], ids=["none", "one of them", "other"]
)
async def test_of_one_id_the_first_stands_and_every_other_origin_is_a_duplicate(
    sink: PostgresSink, database: asyncpg.Connection, stored_before: int | None, winner: int
) -> None:
    if stored_before is not None:
        await sink.write_results([make_results(encode_judgment("r", stored_before))])
    origins = [1, 2, 2, 1, 3]

    await sink.write_results([make_results(*(encode_judgment("r", n) for n in origins))])

    judgments, duplicates, counts = await contents(database)
    assert offsets(judgments) == [winner]
    assert offsets(duplicates) == sorted({*origins, winner} - {winner})
    assert [row["judgments"] for row in counts] == [1]


async def test_a_conflict_is_counted_once_however_often_it_is_delivered(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    before = metric("request_id_conflicts_total", workflow_id="milling")
    batch = make_results(
        encode_judgment("r", 1, input_data={"rpm": 1}),
        encode_judgment("r", 2, input_data={"rpm": 1.0}),
        encode_judgment("r", 3, input_data={"rpm": 2}),
        encode_judgment("r", 4, input_data={"rpm": 1}, verdict="ok"),
    )

    for _ in range(3):
        assert not await sink.write_results([batch])

    same = {row["origin_offset"]: row["same_content"] for row in (await contents(database))[1]}
    assert same == {2: True, 3: False, 4: False}
    assert metric("request_id_conflicts_total", workflow_id="milling") == before + 2


async def test_a_conflict_of_an_unknown_workflow_does_not_name_it_in_the_metrics(
    sink: PostgresSink,
) -> None:
    before = metric("request_id_conflicts_total", workflow_id="other")
    values = [
        encode_judgment("r", n, workflow_id="evil", workflow_version=None, verdict=str(n))
        for n in (1, 2)
    ]

    await sink.write_results([make_results(*values)])

    assert metric("request_id_conflicts_total", workflow_id="other") == before + 1
    assert metric("request_id_conflicts_total", workflow_id="evil") == 0


async def test_any_history_ends_with_the_first_of_each_id_and_the_rest_as_duplicates(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    history = [(f"r-{dice.randrange(30)}", offset) for offset in range(200)]
    log = [encode_judgment(name, offset, verdict=dice.choice("ab")) for name, offset in history]

    position = 0
    while position < len(log):  # a restart goes back to any point that was not committed
        first = max(0, position - dice.randrange(20))
        position = min(len(log), first + 1 + dice.randrange(60))
        middle = dice.randrange(first, position + 1)
        batches = [make_results(*log[first:middle]), make_results(*log[middle:position])]
        assert not await sink.write_results(batches)

    firsts: dict[str, int] = {}
    for name, offset in history:
        firsts.setdefault(name, offset)
    judgments, duplicates, counts = await contents(database)
    assert offsets(judgments) == sorted(firsts.values())
    assert offsets(duplicates) == sorted(set(range(200)) - set(firsts.values()))
    stored = Counter(row["verdict"] for row in judgments)
    counted = Counter({row["verdict"]: row["judgments"] for row in counts})
    assert counted == stored


async def test_two_sinks_that_write_the_same_ids_in_opposite_order_do_not_deadlock(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    other = PostgresSink(database_url)
    await other.open()
    values = [encode_judgment(f"r-{n}", n) for n in range(400)]

    for _ in range(8):
        await database.execute("TRUNCATE judgment_executions")
        await asyncio.gather(
            sink.write_results([make_results(*values)]),
            other.write_results([make_results(*reversed(values))]),
        )

    await other.close()
    assert await database.fetchval("SELECT count(*) FROM judgment_executions") == 400
    assert await database.fetchval("SELECT count(*) FROM judgment_duplicates") == 0


async def test_two_sinks_that_store_one_id_with_other_origins_leave_one_and_one_duplicate(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    other = PostgresSink(database_url)
    await other.open()
    names = [f"r-{n}" for n in range(200)]

    def batch(partition: int) -> Batch:
        values = (encode_judgment(name, partition * 1000 + n) for n, name in enumerate(names))
        return make_results(*values, partition=partition)

    await asyncio.gather(sink.write_results([batch(1)]), other.write_results([batch(2)]))

    await other.close()
    judgments, duplicates, counts = await contents(database)
    assert offsets([*judgments, *duplicates]) == [*range(1000, 1200), *range(2000, 2200)]
    assert sum(row["judgments"] for row in counts) == len(judgments) == 200


async def test_a_write_longer_than_one_transaction_keeps_every_law(
    sink: PostgresSink, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "ROWS_MAX", 3)
    names = ["a", "b", "c", "a", None, "d", "b", "e", None, "a"]
    values = [name and encode_judgment(name, offset) for offset, name in enumerate(names)]
    batch = make_results(*(value or b"bad" for value in values))

    burials = await sink.write_results([batch])

    assert [burial.record.offset for burial in burials] == [4, 8]
    judgments, duplicates, _ = await contents(database)
    assert offsets(judgments) == [0, 1, 2, 5, 7]
    assert offsets(duplicates) == [3, 6, 9]


async def test_nothing_to_write_is_written_without_postgresql() -> None:
    away = PostgresSink("postgresql://judgify@127.0.0.1:9/judgify")
    await away.open()

    assert await away.write_results([]) == []
    assert await away.write_results([make_results(b"bad")]) != []

    await away.close()


UNREADABLE = [
    None,
    b"",
    b"not json",
    b"[]",
    b'{"judgment_id": 1}',
    b"\xff\xfe",
    b"[" * 10_000,
    encode_judgment().replace(b"1300", b"NaN"),
    encode_judgment().replace(b"1300", b"1e999"),
    encode_judgment().replace(b"1300", b'"\\u0000"'),
    encode_judgment().replace(b'"rpm"', b'"\\u0000"'),
    encode_judgment().replace(b"1300", b'"\\ud800"'),
    encode_judgment().replace(b'"offset":0', b'"offset":99999999999999999999'),
    encode_judgment().replace(b'"partition":0', b'"partition":2147483648'),
    encode_judgment().replace(b'"partition":0', b'"partition":true'),
    encode_judgment().replace(b"2025-06-15", b"2025-06-99"),
    encode_judgment().replace(b'"r-1"', b'"r-2"'),
    encode_judgment().replace(b'"decided"', b'"maybe"'),
    encode_judgment().replace(b"0.99", b"1.01"),
    encode_judgment(verdict="v" * 3_000),
    encode_judgment(input_data={"a": "x"}).replace(b'"x"', b"[" * 600 + b"]" * 600),
]


async def test_what_is_no_judgment_is_buried_and_its_neighbours_are_stored(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    values: list[bytes | None] = []
    for number, value in enumerate(UNREADABLE):
        values += [value, encode_judgment(f"good-{number}", number)]
    batch = make_results(*values, partition=5)

    burials = await sink.write_results([batch])

    assert [burial.record for burial in burials] == list(batch.records[::2])
    assert {burial.error.code for burial in burials} == {"unreadable_result"}
    assert {(burial.topic, burial.partition) for burial in burials} == {(batch.topic, 5)}
    assert len((await contents(database))[0]) == len(UNREADABLE)


async def test_a_buried_result_names_its_request_where_it_still_can(sink: PostgresSink) -> None:
    forged = encode_judgment("r-1", 7).replace(b'"r-1"', b'"r-2"')

    burials = await sink.write_results([make_results(forged, b"not json")])

    assert [burial.request_origin for burial in burials] == [
        "judgify.requests.v1/0/7/1750000000007",
        None,
    ]


async def test_rows_that_were_wrongly_taken_for_new_leave_what_careful_writing_leaves(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    repeated = set(range(100, 140, 7))
    stored = [encode_judgment(f"r-{n}", n) for n in range(0, 40, 7)]
    values = [encode_judgment(f"r-{n}", 100 + n, verdict="ab"[n % 2]) for n in range(40)]
    await sink.write_results([make_results(*stored)])
    assert sink._writer._optimism.holds

    assert not await sink.write_results([make_results(*values)])

    assert not sink._writer._optimism.holds
    judgments, duplicates, counts = await contents(database)
    assert offsets(judgments) == sorted([*range(0, 40, 7), *set(range(100, 140)) - repeated])
    assert offsets(duplicates) == sorted(repeated)
    assert sum(row["judgments"] for row in counts) == len(judgments)


async def test_both_ways_of_storing_leave_the_same(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    values = [
        encode_judgment(f"r-{n}", n, verdict=verdict, rule=None if n % 2 else "r", test=n % 3 == 0)
        for n in range(60)
        for verdict in ["fail" if n % 5 else None]
    ]
    sink._writer._optimism.note_collision()
    await sink.write_results([make_results(*values)])
    carefully = await everything(database)
    await database.execute("TRUNCATE judgment_executions, judgment_counts")
    hopeful = PostgresSink(database_url)
    await hopeful.open()

    await hopeful.write_results([make_results(*values)])

    await hopeful.close()
    assert await everything(database) == carefully


async def everything(database: asyncpg.Connection) -> list[Any]:
    """Return all rows of judgments and counts, without the time of storing."""
    judgments = await database.fetch(
        "SELECT to_jsonb(judgments) - 'stored_at' FROM judgment_executions AS judgments ORDER BY 1"
    )
    return [
        judgments,
        await database.fetch("SELECT to_jsonb(c) FROM judgment_counts AS c ORDER BY 1"),
    ]


async def test_two_sinks_of_which_one_is_careful_do_not_deadlock(
    sink: PostgresSink, database: asyncpg.Connection, database_url: str
) -> None:
    careful = PostgresSink(database_url)
    await careful.open()
    names = range(400)
    values = [encode_judgment(f"r-{n}", n) for n in names]
    others = [encode_judgment(f"r-{n}", 1_000 + n) for n in reversed(names)]

    for _ in range(8):
        await database.execute("TRUNCATE judgment_executions, judgment_counts, judgment_duplicates")
        careful._writer._optimism.note_collision()
        sink._writer._optimism = type(sink._writer._optimism)()
        await asyncio.gather(
            sink.write_results([make_results(*values)]),
            careful.write_results([make_results(*others, partition=1)]),
        )
        judgments, duplicates, counts = await contents(database)
        assert (len(judgments), len(duplicates)) == (400, 400)
        assert sum(row["judgments"] for row in counts) == 400

    await careful.close()


async def test_rows_are_written_in_the_order_of_their_ids_so_that_sinks_wait_in_one_order(
    sink: PostgresSink, database: asyncpg.Connection
) -> None:
    for careful, names in ((False, range(50)), (True, range(50, 100))):
        await database.execute("TRUNCATE judgment_executions")
        if careful:
            sink._writer._optimism.note_collision()
        await sink.write_results([make_results(*(encode_judgment(f"r-{n}", n) for n in names))])

        written = await database.fetch("SELECT judgment_id FROM judgment_executions ORDER BY ctid")
        assert [row[0] for row in written] == sorted(row[0] for row in written)
