"""Redrive on a real Kafka and PostgreSQL: what goes where, once, and what never goes anywhere."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from typing_extensions import override

from judgify.redrive import run as running
from judgify.redrive.sending import Resender
from schemas.errors import DependencyError
from sinks.postgres.migrate import upgrade
from sinks.postgres.redrive_queries import LOCK_ID, LetterId
from tests.support.builders import encode_request
from tests.support.commands import Commands
from tests.support.messages import headers_of, read_topic
from tests.support.redrive_bench import BURIED_MS, Bench
from tests.support.results import encode_judgment
from tests.support.services import delete_topics, make_name
from tests.support.topics import create_registered, empty_topic
from topics.registry import REQUESTS, RESULTS

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def prefix(kafka_bootstrap: str) -> Iterator[str]:
    """Topics that the tests of this module share; each begins with empty ones."""
    prefix = f"{make_name('test-')}."
    for spec in (REQUESTS, RESULTS):
        create_registered(kafka_bootstrap, prefix, spec)
    yield prefix
    delete_topics(kafka_bootstrap, prefix)


@pytest.fixture
def bench(
    kafka_bootstrap: str,
    prefix: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bench:
    asyncio.run(upgrade(database_url))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", prefix)
    commands = Commands(monkeypatch, capsys)
    bench = Bench(kafka_bootstrap, prefix, database_url, commands)
    empty_topic(kafka_bootstrap, bench.requests)
    bench.query("TRUNCATE dead_letters, judgment_executions, judgment_duplicates")
    return bench


def test_without_yes_nothing_is_sent_and_nothing_is_marked(bench: Bench) -> None:
    bench.bury(bench.letter(1), bench.letter(2), bench.letter(3, code="unreadable", kind="message"))

    told = bench.redrive()

    assert (told["dry_run"], told["matched"], told["can_be_sent"]) == (True, 3, 3)
    assert {(it["code"], it["records"], it["destination"]) for it in told["groups"]} == {
        ("internal_error", 2, "requests"), ("unreadable", 1, "requests"),
    }  # fmt: skip
    assert bench.sent() == []
    assert bench.query("SELECT DISTINCT redrives, redriven_at FROM dead_letters") == [(0, None)]


def test_a_request_is_sent_as_it_was_to_its_partition_and_says_where_it_comes_from(
    bench: Bench,
) -> None:
    headers = (
        ("traceparent", b"00-ab-cd-01"),
        ("judgify-dl-code", b"forged"),
        ("judgify-redrive-of", b"forged"),
        ("x-client", b"theirs"),
        ("judgify-correlation-id", b"c-1"),
    )
    letter = bench.letter(7, key=b"\x00\xff", headers=headers)
    bench.bury(letter)

    told = bench.redrive("--code", "internal_error", "--yes", "--author", "kim")

    [record] = bench.sent()
    assert told["sent"] == {"requests": 1}
    assert (record.key(), record.value(), record.partition()) == (b"\x00\xff", letter.value, 3)
    assert headers_of(record) == {
        "traceparent": b"00-ab-cd-01",
        "judgify-correlation-id": b"c-1",
        "judgify-redrive-of": f"{bench.requests}/3/7/{BURIED_MS}".encode(),
    }
    [(to, by, redrives)] = bench.query(
        "SELECT redriven_to, redriven_by, redrives FROM dead_letters"
    )
    place = f"{bench.requests}/3/{record.offset()}/{record.timestamp()[1]}"
    assert (to, by, redrives) == (place, "kim", 1)
    shown = bench.commands.run_well("dead-letters", "show", f"{bench.requests}/3/7")
    assert f"sent again to {place} at " in shown


def test_what_was_sent_again_is_refused_a_second_time_unless_told(bench: Bench) -> None:
    bench.bury(bench.letter(1))
    bench.redrive("requests/3/1", "--yes")

    ended = bench.commands.run("dead-letters", "redrive", "requests/3/1", "--yes")
    assert ended.code == 1
    assert "sent again before: add --again" in ended.stdout
    assert len(bench.sent()) == 1

    assert bench.redrive("requests/3/1", "--yes", "--again")["sent"] == {"requests": 1}
    assert len(bench.sent()) == 2
    assert bench.query("SELECT redrives FROM dead_letters") == [(2,)]


def test_what_is_not_whole_or_would_be_buried_again_is_named_and_stays(bench: Bench) -> None:
    cut = {"value_length": 2_000_000, "value_sha256": "0" * 64}
    bench.bury(
        bench.letter(1, **cut),
        bench.letter(2, kind="lost", value=None),
        bench.letter(3, headers=None),
        bench.letter(4, value=b"\xff not json", kind="message", code="unreadable"),
        bench.letter(5, topic=f"{bench.requests}.elsewhere"),
        bench.letter(6, topic=bench.results, agent="postgres-sink", value=b"{}"),
    )

    told = bench.redrive("--since", "2020-01-01T00:00", "--yes")

    obstacles = " | ".join(it["obstacle"] for it in told["groups"])
    assert (told["matched"], told["can_be_sent"], bench.sent()) == (6, 0, [])
    for word in (
        "cut: only", "lost: retention", "headers could not be read",
        "no request, still (unreadable)", "neither requests nor results", "no judgment, still",
    ):  # fmt: skip
        assert word in obstacles


def test_a_result_goes_to_postgres_alone_and_the_first_of_its_id_stands(bench: Bench) -> None:
    in_results = {"topic": bench.results, "agent": "postgres-sink", "code": "row_refused"}
    bench.bury(
        bench.letter(1, value=encode_judgment("r-1", reason="first"), **in_results),
        bench.letter(2, value=encode_judgment("r-1", reason="second"), **in_results),
        bench.letter(3, value=encode_judgment("r-3"), **in_results),
    )

    told = bench.redrive("--agent", "postgres-sink", "--yes")

    assert told["sent"] == {"postgres": 3}
    assert bench.sent() == []
    assert read_topic(bench.bootstrap, bench.results) == []
    stored = bench.query("SELECT request_id, reason FROM judgment_executions ORDER BY 1")
    assert [it[0] for it in stored] == ["r-1", "r-3"]
    assert stored[0][1] == "first"
    assert bench.query("SELECT DISTINCT redriven_to FROM dead_letters") == [("postgres",)]


def test_a_result_that_postgres_still_refuses_is_not_marked(bench: Bench) -> None:
    bench.query("ALTER TABLE judgment_executions ADD CONSTRAINT poison CHECK (reason <> 'poison')")
    in_results = {"topic": bench.results, "agent": "postgres-sink"}
    bench.bury(
        bench.letter(1, value=encode_judgment("r-1", reason="poison"), **in_results),
        bench.letter(2, value=encode_judgment("r-2"), **in_results),
    )

    ended = bench.commands.run("dead-letters", "redrive", "--topic", "results", "--yes")
    bench.query("ALTER TABLE judgment_executions DROP CONSTRAINT poison")

    assert ended.code == 1
    assert f"✗ {bench.results}/3/1: row_refused" in ended.stdout
    assert bench.query("SELECT record_offset, redrives FROM dead_letters ORDER BY 1") == [
        (1, 0), (2, 1),
    ]  # fmt: skip


def test_filters_and_the_limit_choose_and_the_log_orders(bench: Bench) -> None:
    bench.bury(
        *(bench.letter(number, code="even" if number % 2 == 0 else "odd") for number in range(120))
    )

    told = bench.redrive("--code", "even", "--limit", "55", "--yes")

    assert (told["matched"], told["has_more"], told["sent"]) == (55, True, {"requests": 55})
    expected = [encode_request(request_id=f"r-{number}") for number in range(0, 110, 2)]
    assert [record.value() for record in bench.sent()] == expected


@pytest.mark.parametrize(
    ("arguments", "matched"),
    [
        (["--since", "2025-06-15T15:06:40"], 1),
        (["--since", "2025-06-15T15:06:41"], 0),
        (["--until", "2025-06-15T15:06:40"], 0),
        (["--until", "1m"], 1),
        (["--kind", "message"], 0),
    ],
)
def test_times_and_kinds_choose(bench: Bench, arguments: list[str], matched: int) -> None:
    bench.bury(bench.letter(1))

    ended = bench.commands.run("dead-letters", "redrive", *arguments, "--json")

    assert f'"matched": {matched}' in ended.stdout
    assert ended.code == int(not matched)


@pytest.mark.parametrize("named", [["--kind", "skip"], ["--code", "skipped"], ["requests/3/1"]])
def test_what_was_skipped_is_sent_only_when_it_is_named(bench: Bench, named: list[str]) -> None:
    bench.bury(bench.letter(1, kind="skip", code="skipped"))

    kept_back = bench.redrive("--since", "2020-01-01T00:00", "--yes")
    assert "skipped on purpose" in kept_back["groups"][0]["obstacle"]
    assert (kept_back["can_be_sent"], bench.sent()) == (0, [])

    assert bench.redrive(*named, "--yes")["sent"] == {"requests": 1}


def test_a_record_that_two_agents_buried_is_sent_once_as_its_newest_letter(bench: Bench) -> None:
    bench.bury(
        bench.letter(1, agent="rule-agent", at="2025-06-15T15:06:40.000Z"),
        bench.letter(1, agent="other-agent", at="2025-06-15T15:06:41.000Z"),
        bench.letter(2),
    )

    looked_at = bench.redrive("--kind", "bug")
    told = bench.redrive("requests/3/1", "--yes")
    again = bench.commands.run("dead-letters", "redrive", "--agent", "rule-agent", "--yes")

    obstacle = "other-agent buried the same record later: that letter counts"
    assert {(it["agent"], it["obstacle"]) for it in looked_at["groups"]} == {
        ("rule-agent", obstacle), ("rule-agent", None), ("other-agent", None),
    }  # fmt: skip
    assert (looked_at["matched"], looked_at["can_be_sent"]) == (3, 2)
    assert told["sent"] == {"requests": 1}
    assert (again.code, obstacle in again.stdout) == (0, True)
    assert [record.value() for record in bench.sent()] == [
        encode_request(request_id=f"r-{number}") for number in (1, 2)
    ]


def test_what_was_sent_as_one_letter_is_not_sent_as_a_later_one(bench: Bench) -> None:
    bench.bury(bench.letter(1, at="2025-06-15T15:06:40.000Z"))
    bench.redrive("--kind", "bug", "--yes")
    bench.bury(bench.letter(1, agent="other-agent", at="2025-06-15T15:06:41.000Z"))

    told = bench.redrive("--agent", "other-agent", "--yes")

    assert "sent again before" in told["groups"][0]["obstacle"]
    assert len(bench.sent()) == 1


def test_yes_alone_does_not_send_everything(bench: Bench) -> None:
    bench.bury(bench.letter(1))

    ended = bench.commands.run("dead-letters", "redrive", "--yes")

    assert ended.code == 2
    assert "say which" in ended.stderr
    assert bench.sent() == []


def test_a_named_record_that_is_not_stored_is_told(bench: Bench) -> None:
    bench.bury(bench.letter(1))

    ended = bench.commands.run("dead-letters", "redrive", "requests/3/1", "requests/3/2", "--yes")

    assert ended.code == 1
    assert f"no dead letter of {bench.requests}/3/2 is stored" in ended.stderr
    assert len(bench.sent()) == 1


@pytest.fixture
async def other_redrive(database_url: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_ID)
    yield
    await connection.close()


def test_two_redrives_at_once_do_not_send_everything_twice(
    bench: Bench, other_redrive: None
) -> None:
    bench.bury(bench.letter(1))

    ended = bench.commands.run("dead-letters", "redrive", "--kind", "bug", "--yes")

    assert ended.code == 1
    assert "another `judgify dead-letters redrive` is at work" in ended.stderr
    assert bench.sent() == []


def test_what_was_acknowledged_before_a_failure_is_marked_and_the_rest_is_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faltering(Resender):
        """Kafka goes away after the first record of a page."""

        @override
        def send(self, letters: Any) -> tuple[dict[LetterId, str], DependencyError | None]:
            sent, _ = super().send(letters[:1])
            return sent, DependencyError("kafka", "gone")

    monkeypatch.setattr(running, "Resender", Faltering)
    bench.bury(*(bench.letter(number) for number in range(3)))

    ended = bench.commands.run("dead-letters", "redrive", "--kind", "bug", "--yes")

    assert ended.code == 1
    assert "kafka: gone" in ended.stderr
    assert bench.query("SELECT record_offset FROM dead_letters WHERE redrives = 1") == [(0,)]


def test_a_crash_between_acknowledgement_and_mark_sends_that_page_once_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise DependencyError("postgres", "gone")

    bench.bury(bench.letter(1))
    with monkeypatch.context() as crashing:
        crashing.setattr(running, "mark_redriven", crash)
        assert bench.commands.run("dead-letters", "redrive", "--kind", "bug", "--yes").code == 1

    assert bench.redrive("--kind", "bug", "--yes")["sent"] == {"requests": 1}
    assert [it.value() for it in bench.sent()] == [encode_request(request_id="r-1")] * 2


def test_an_interrupted_redrive_says_so_and_the_next_one_sends_the_rest_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Resender.send

    def send_then_interrupt(self: Resender, letters: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(self, letters)

    bench.bury(*(bench.letter(number) for number in range(70)))
    with monkeypatch.context() as interrupting:
        interrupting.setattr(Resender, "send", send_then_interrupt)
        ended = bench.commands.run("dead-letters", "redrive", "--kind", "bug", "--yes")

    assert (ended.code, "sent again: 50 to requests" in ended.stdout) == (130, True)
    assert bench.redrive("--kind", "bug", "--yes")["sent"] == {"requests": 20}
    assert len(bench.sent()) == 70


def test_an_interrupt_in_the_pause_between_two_pages_is_seen_there_and_sends_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Resender.send

    def send_and_interrupt_later(self: Resender, letters: Any) -> Any:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return real(self, letters)

    bench.bury(*(bench.letter(number) for number in range(70)))
    monkeypatch.setattr(Resender, "send", send_and_interrupt_later)
    started_s = time.monotonic()

    ended = bench.commands.run("dead-letters", "redrive", "--kind", "bug", "--yes", "--rate", "5")

    assert (ended.code, len(bench.sent())) == (130, 50)
    assert time.monotonic() - started_s < 50 / 5
