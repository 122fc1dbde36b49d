"""One file, the same counts by every way: without services, through Kafka, in PostgreSQL."""

import asyncio
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sinks.postgres.audit_log import AuditLog
from sinks.postgres.run_counts import Range, count_duplicates, count_outcomes
from tests.support.commands import Commands
from tests.support.lane import Lane
from tests.support.services import delete_topics, make_name
from tests.support.workflows import MILLING, ROOT
from topics.registry import REQUESTS

AI4I = ROOT.parent / "shared" / "data" / "ai4i2020.csv"
READINGS = 1_000
SEED = 3
COUNTS = ("by_status", "by_verdict", "by_rule")


@pytest.fixture(scope="module")
def lane(
    kafka_bootstrap: str, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lane]:
    """A rule lane that judges by `milling` and stores."""
    prefix = f"{make_name('test-')}."
    lane = Lane(kafka_bootstrap, prefix, tmp_path_factory.mktemp("logs"), database_url)
    try:
        lane.start("rule-agent", wait=False)
        lane.start("postgres-sink")
        lane.publish_workflow()
        yield lane
    finally:
        lane.close()
        delete_topics(kafka_bootstrap, prefix)


@pytest.fixture
def commands(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    for name, value in lane.environment.items():
        monkeypatch.setenv(name, value)
    return Commands(monkeypatch, capsys)


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    spec = importlib.util.spec_from_file_location(
        "milling_readings", MILLING.with_name("readings.py")
    )
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = generator
    spec.loader.exec_module(generator)
    with path.open("w") as stream:
        generator.write_csv(generator.generate_readings(READINGS, SEED), stream)
    return path


def replay(commands: Commands, file: Path, *options: str) -> dict[str, Any]:
    summary: dict[str, Any] = commands.read(
        "replay", str(file), "--workflow", "milling", "--wait", *options
    )
    return summary


def count_stored(lane: Lane, question: Any) -> Any:
    everything = [Range(number, 0, 2**40) for number in range(REQUESTS.partitions_local)]
    return asyncio.run(question(lane.environment["DATABASE_URL"], lane.requests, everything))


def subtract(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items()}


def count_requests(lane: Lane) -> int:
    with closing(AuditLog(lane.bootstrap)) as log:
        return sum(span.end for span in log.fetch_spans(lane.requests).values())


@pytest.mark.skipif(not AI4I.is_file(), reason=f"the public data set is not at {AI4I}")
@pytest.mark.timeout(180)
def test_the_public_data_set_is_judged_stored_and_recognised(
    lane: Lane, commands: Commands
) -> None:
    before = count_stored(lane, count_outcomes)

    first = replay(commands, AI4I, "--id-column", "UDI")
    stored = count_stored(lane, count_outcomes)
    again = replay(commands, AI4I, "--id-column", "UDI")

    assert first["by_rule"] == {"otherwise": 8_992, "WEAR": 721, "HDF": 115, "PWF": 92, "OSF": 80}
    assert first["by_verdict"] == {"ok": 8_992, "fail": 287}
    assert first["by_status"] == {"decided": 9_279, "undetermined": 721}
    assert (first["requests"], first["judgments"], first["duplicates"]) == (10_000, 10_000, 0)
    assert again["duplicates"] == 10_000
    assert {name: again[name] for name in COUNTS} == {name: first[name] for name in COUNTS}
    assert subtract(stored, before) == {"ok": 8_992, "undetermined": 721, "fail": 287}
    assert count_stored(lane, count_outcomes) == stored
    assert commands.run("audit").code == 0


@pytest.mark.timeout(180)
def test_every_way_counts_the_same(lane: Lane, commands: Commands, readings: Path) -> None:
    before = count_stored(lane, count_outcomes)

    alone = commands.read("judge", "--workflow", str(MILLING), "--input", str(readings))
    streamed = replay(commands, readings)

    stored = subtract(count_stored(lane, count_outcomes), before)
    assert {name: streamed[name] for name in COUNTS} == {name: alone[name] for name in COUNTS}
    assert stored == {
        **streamed["by_verdict"],
        "undetermined": streamed["by_status"]["undetermined"],
    }


@pytest.mark.timeout(180)
def test_an_id_that_is_there_twice_is_judged_twice_and_counted_once(
    lane: Lane, commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "twice.ndjson"
    file.write_text('{"id": "twice-1", "Type": "M"}\n{"id": "twice-1", "Type": "L"}\n')

    summary = replay(commands, file, "--id-column", "id")

    assert (summary["requests"], summary["judgments"], summary["duplicates"]) == (2, 1, 1)
    assert sum(summary["by_status"].values()) == 1
    assert count_stored(lane, count_duplicates) >= 1


def test_what_no_agent_answers_is_missing_by_name_and_fails(
    lane: Lane, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads this prefix: only the workflow is there."""
    prefix = f"{make_name('test-')}."
    deserted = Lane(lane.bootstrap, prefix, tmp_path, None)
    try:
        deserted.publish_workflow()
        monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", prefix)
        file = tmp_path / "one.json"
        file.write_text('{"Product ID": "M1", "Type": "M"}')

        ended = commands.run(
            "replay", str(file), "--workflow", "milling", "--wait", "--timeout", "0.2"
        )
    finally:
        delete_topics(lane.bootstrap, prefix)

    assert ended.code == 1
    assert "1 of 1 requests" in ended.stderr
    assert f"{prefix}requests.v1/" in ended.stderr


def test_a_workflow_that_nobody_activated_is_refused_before_anything_is_sent(
    commands: Commands, readings: Path
) -> None:
    ended = commands.run("replay", str(readings), "--workflow", "nobody-knows")

    assert ended.code == 2
    assert "workflow publish FILE --activate" in ended.stderr


def test_a_bad_row_is_named_before_anything_is_sent(
    lane: Lane, commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("id,Type\nr-1,M\nnot an id,M\n")
    before = count_requests(lane)

    ended = commands.run("replay", str(file), "--workflow", "milling", "--id-column", "id")

    assert ended.code == 1
    assert f"{file}:3: column 'id'" in ended.stderr
    assert count_requests(lane) == before


def test_what_is_sent_alone_is_found_by_its_id(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    event = b'{"Type": "M", "Torque [Nm]": 5, "Rotational speed [rpm]": 2800}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(event)))

    report = commands.read("send", "--workflow", "milling", "--request-id", "alone-1", "--wait")

    assert report["judgment"]["rule"] == "PWF"
    assert report["judgment"]["judgment_id"] == report["judgment_id"]
    [line] = commands.run_well(
        "results", "tail", "--from-beginning", "--verdict", "fail", "--limit", "1"
    ).splitlines()
    assert "fail" in line
