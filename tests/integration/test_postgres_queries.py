"""Reads on a real PostgreSQL: judgments, versions, duplicates, and the commands over them."""

import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from typer.testing import CliRunner

from judgify.cli import audit, db, dead_letters, judgments
from rules.workflow.canonical import version_of
from schemas.errors import MessageError
from schemas.workflow_record import Activation, WorkflowVersion
from sinks.postgres.migrate import upgrade
from sinks.postgres.queries import (
    JudgmentFilter,
    fetch_judgments,
    fetch_version,
    find_judgments,
)
from sinks.postgres.run_counts import Range, count_duplicates
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.builders import FakeRecord
from tests.support.results import REQUESTS, encode_judgment, judgment_id, make_results

pytestmark = pytest.mark.services

DOCUMENT: dict[str, Any] = {
    "judgify": 1, "id": "milling", "title": "Milling", "verdicts": {"ok": {}, "fail": {}},
    "input": {"rpm": {"type": "number"}},
    "rules": [{"id": "HDF", "when": "rpm < 1380", "verdict": "fail", "reason": "too slow"}],
    "otherwise": {"verdict": "ok"},
}  # fmt: skip


@pytest.fixture
async def sink(database_url: str) -> AsyncIterator[PostgresSink]:
    await upgrade(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "TRUNCATE judgment_executions, judgment_duplicates, judgment_counts, dead_letters, "
        "workflows, workflow_versions, workflow_activations"
    )
    await connection.close()
    sink = PostgresSink(database_url)
    await sink.open()
    yield sink
    await sink.close()


def published(*records: tuple[str, bytes | None]) -> Batch:
    return Batch(
        "judgify.workflows.v1",
        0,
        [
            FakeRecord(n, 1_000_000 + n, key.encode(), value)
            for n, (key, value) in enumerate(records)
        ],
    )


def make_version(**changes: Any) -> tuple[str, bytes]:
    document = DOCUMENT | changes
    value = WorkflowVersion(document=document, author="kim", source="# text")
    return f"version/default/milling/{version_of(document)}", value.model_dump_json().encode()


def make_activation(version: str | None, name: str = "a-1", **fields: Any) -> tuple[str, bytes]:
    value = Activation(
        **{"tenant": "default", "workflow_id": "milling", "version": version, "author": "kim"}
        | fields
    )
    return f"activation/default/milling/{name}", value.model_dump_json().encode()


async def test_versions_are_numbered_in_log_order_and_a_republished_one_keeps_its_number(
    sink: PostgresSink, database_url: str
) -> None:
    first, second = make_version(), make_version(title="Second")

    assert not await sink.write_workflows([published(first, second, first)])
    assert not await sink.write_workflows([published(second)])

    found = [
        await fetch_version(database_url, "default", "milling", key.rsplit("/")[-1])
        for key, _ in (first, second)
    ]
    assert [number for _, number in filter(None, found)] == [1, 2]
    assert found[0] is not None
    assert list(found[0][0]) == list(DOCUMENT), "the order of keys is kept"


async def test_activations_hold_from_the_broker_time_plus_at_least_two_seconds(
    sink: PostgresSink, database_url: str
) -> None:
    records = [make_activation("0" * 64, "a-1"), make_activation(None, "a-2", delay_ms=9_000)]

    assert not await sink.write_workflows([published(*records)])

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT version, extract(epoch FROM in_force_at) * 1000 AS at FROM workflow_activations "
        "ORDER BY activation_id"
    )
    await connection.close()
    assert [(row["version"], int(row["at"])) for row in rows] == [
        ("0" * 64, 1_002_000),
        (None, 1_009_001),
    ]


async def test_what_is_no_workflow_record_is_buried_and_a_tombstone_is_nothing(
    sink: PostgresSink,
) -> None:
    key, value = make_version()
    bad = [
        ("version/default/milling/" + "0" * 64, value),
        ("version/default/Milling!/x", value),
        (key, b"not json"),
        (key, b"{}"),
        (key, b'{"document": {"a": "\\u0000"}, "author": "x"}'),
        ("activation/default/other/a", make_activation(None)[1]),
        ("", value),
    ]

    burials = await sink.write_workflows([published(*bad, (key, None), (key, value))])

    assert [burial.record.offset for burial in burials] == list(range(len(bad)))
    assert {burial.error.code for burial in burials} == {"unreadable_workflow_record"}


async def test_pages_hold_each_judgment_once_the_newest_request_first(
    sink: PostgresSink, database_url: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    values = [
        encode_judgment(
            f"r-{n}", n, workflow_id=dice.choice(["a", "b", "c"]), tenant=dice.choice(["x", "y"]),
            requested_at=f"2025-06-15T15:06:{dice.randrange(10, 30)}.000Z",
        )
        for n in range(60)
    ]  # fmt: skip
    await sink.write_results([make_results(*values)])

    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await fetch_judgments(database_url, JudgmentFilter(), limit=7, cursor=cursor)
        seen += page.rows
        cursor = page.cursor
        if cursor is None:
            break

    assert sorted(row["request_id"] for row in seen) == sorted(f"r-{n}" for n in range(60))
    times = [row["requested_at"] for row in seen]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (JudgmentFilter(verdict="ok"), {"r-2"}),
        (JudgmentFilter(status="error"), {"r-3"}),
        (JudgmentFilter(rule="HDF"), {"r-1", "r-4"}),
        (JudgmentFilter(workflow_id="other"), {"r-4"}),
        (JudgmentFilter(tenant="nobody"), set()),
        (JudgmentFilter(since=timedelta(days=1)), {"r-4"}),
    ],
)
async def test_filters_choose(
    sink: PostgresSink, database_url: str, wanted: JudgmentFilter, expected: set[str]
) -> None:
    values = [
        encode_judgment("r-1", 1),
        encode_judgment("r-2", 2, verdict="ok", rule=None),
        encode_judgment("r-3", 3, status="error", verdict=None, rule=None),
        encode_judgment("r-4", 4, workflow_id="other", requested_at="2999-01-01T00:00:00.000Z"),
    ]
    await sink.write_results([make_results(*values)])

    page = await fetch_judgments(database_url, wanted, limit=10)

    assert {row["request_id"] for row in page.rows} == expected


async def test_a_judgment_is_found_by_its_own_id_and_by_its_requests(
    sink: PostgresSink, database_url: str
) -> None:
    value = encode_judgment("r-1", 1)
    await sink.write_results([make_results(value, encode_judgment("r-1", 2, workflow_id="other"))])

    by_id = await find_judgments(database_url, judgment_id("r-1"))
    by_request = await find_judgments(database_url, "r-1")

    assert [one["judgment_id"] for one in by_id] == [judgment_id("r-1")]
    assert len(by_request) == 2
    found = dict(by_id[0])
    assert found.pop("stored_at")
    assert found == orjson.loads(value)


async def test_a_cursor_that_was_not_printed_is_refused(database_url: str) -> None:
    with pytest.raises(MessageError, match="cursor"):
        await fetch_judgments(database_url, JudgmentFilter(), limit=1, cursor="x' OR 1=1")


async def test_duplicates_are_counted_within_the_ranges_of_each_partition(
    sink: PostgresSink, database_url: str
) -> None:
    def at(partition: int, offset: int) -> dict[str, Any]:
        return {"topic": REQUESTS, "partition": partition, "offset": offset, "timestamp": 1}

    places = [at(partition, offset) for partition in range(3) for offset in range(5)]
    await sink.write_results([make_results(*(encode_judgment("r", place) for place in places))])

    ranges = [Range(0, 0, 4), Range(1, 1, 2), Range(9, 0, 9)]
    assert await count_duplicates(database_url, REQUESTS, ranges) == 6
    assert await count_duplicates(database_url, "other", [Range(0, 0, 4)]) == 0
    assert await count_duplicates(database_url, REQUESTS, []) == 0


def run(app: Any, *arguments: str, code: int = 0) -> str:
    """Run a command in its own loop, as a terminal does; return what it printed."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def services(kafka_bootstrap: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture
async def filled(sink: PostgresSink, services: None) -> None:
    key, value = make_version()
    await sink.write_workflows([published((key, value))])
    version = key.rsplit("/", 1)[-1]
    values = [
        encode_judgment("r-1", 1, workflow_version=version, input_data={"rpm": 1300}),
        encode_judgment("r-1", 2, workflow_version=version, input_data={"rpm": 1}),
        encode_judgment("r-5", 5, workflow_version=None, status="error", verdict=None, rule=None,
                        error={"code": "workflow_not_found", "message": "no such workflow"}),
    ]  # fmt: skip
    await sink.write_results([make_results(*values)])
    bare = FakeRecord(3, key=b"k", value=b"\x1b[31mred\xff")
    await sink.write_dead_letters([Batch("dead", 0, [bare])])


@pytest.mark.usefixtures("filled")
def test_the_commands_print_what_is_stored_for_people_and_as_json() -> None:
    assert "applied" in run(db.app, "status")
    assert json.loads(run(db.app, "upgrade", "--json")) == {"applied": []}
    assert "HDF: heat dissipation" in run(judgments.app, "list", "--verdict", "fail")
    assert json.loads(run(judgments.app, "list", "--json"))["cursor"] is None
    assert "duplicate at judgify.requests.v1/0/2" in run(judgments.app, "show", "r-1")
    shown = json.loads(run(judgments.app, "show", judgment_id("r-1"), "--json"))
    assert shown["duplicates"][0]["same_content"] is False
    explained = run(judgments.app, "explain", "r-1")
    assert "milling@1" in explained
    assert "1380" in explained
    assert json.loads(run(judgments.app, "explain", "r-1", "--json"))["findings"]["rule"] == "HDF"
    assert "dead/0/3" in run(dead_letters.app, "list")
    assert "\x1b" not in run(dead_letters.app, "show", "dead/0/3")
    letter = json.loads(run(dead_letters.app, "show", "dead/0/3", "--json"))[0]
    assert letter["value_base64"] == "G1szMW1yZWT/"


@pytest.mark.usefixtures("filled")
def test_the_original_bytes_come_out_unchanged() -> None:
    result = CliRunner().invoke(dead_letters.app, ["show", "dead/0/3", "--raw"])

    assert result.stdout_bytes == b"\x1b[31mred\xff"


@pytest.mark.usefixtures("filled")
def test_what_is_not_there_ends_with_one_line_and_exit_code_one() -> None:
    run(judgments.app, "show", "r-999", code=1)
    run(judgments.app, "explain", "r-5", code=1)
    run(dead_letters.app, "show", "dead/0/999", code=1)


@pytest.mark.usefixtures("services")
def test_an_audit_that_cannot_tell_ends_with_exit_code_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", "nobody-made-these.")

    run(audit.app, "--timeout", "0", code=2)
