"""How the doctor judges what services say: clocks, consumer groups, PostgreSQL, Redis."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgify.doctor.checks import clock, kafka, postgres, redis
from judgify.doctor.checks.clock import Measured
from judgify.doctor.checks.groups import Bounds, Group, Place, judge
from sinks.postgres.health import PostgresHealth
from tests.support.subjects import look_at, make_subject, told

HEALTH = PostgresHealth(
    version="15.4", major=15, role="judgify", read_only=False, makes_temporary_tables=True,
    not_writable=(), not_deletable=(), connections_free=90, schema_version=5,
    pending=(), edited=(), unknown=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "level"),
    [
        (Measured(1_000, 1_002, 1_005), "ok"),
        (Measured(1_000, 500, 1_005), "warn"),
        (Measured(5_000, 3_999, 5_005), "fail"),
        (Measured(1_000, 2_100, 1_005), "fail"),
    ],
)
def test_clocks_are_judged_by_what_the_delay_leaves(measured: Measured, level: str) -> None:
    assert clock.judge(measured, 2_000).level == level


@pytest.mark.parametrize(
    ("measured", "apart_ms"),
    [
        (Measured(1_000, 1_002, 1_005), 0),
        (Measured(1_000, 400, 1_005), 600),
        (Measured(1_000, 1_105, 1_005), -100),
    ],
)
def test_clocks_are_no_further_apart_than_the_way_can_explain(
    measured: Measured, apart_ms: int
) -> None:
    assert measured.apart_ms == apart_ms


AT = Place("judgify.requests.v1", 3)
GROUP = Group("judgify.rule-agent", 0, {AT: 50})


def judged(group: Group, bounds: Mapping[Place, Bounds], growing: bool = False) -> str:
    known = {"judgify.rule-agent"}
    return told(list(judge(group, bounds, {AT} if growing else set(), known)))


def test_a_group_that_has_read_everything_is_well() -> None:
    assert judged(GROUP, {AT: Bounds(0, 50)}) == ""


def test_records_that_nobody_reads_are_told_and_whether_they_grow() -> None:
    still, grows = (judged(GROUP, {AT: Bounds(0, 60)}, growing=it) for it in (False, True))

    assert "10 records wait for judgify.rule-agent, and nobody is in it" in still
    assert "`judgify run rule-agent`" in still
    assert "and more by the second" in grows
    assert judged(replace(GROUP, members=1), {AT: Bounds(0, 60)}) == ""


def test_a_group_of_no_process_of_ours_is_not_to_be_started() -> None:
    assert "delete the group" in judged(replace(GROUP, name="judgify.old"), {AT: Bounds(0, 60)})


def test_offsets_of_what_does_not_exist_any_more_are_told() -> None:
    assert "has committed in judgify.requests.v1/3, which does not exist" in judged(GROUP, {})


@pytest.mark.parametrize("members", [0, 1])
def test_offsets_beyond_the_end_tell_of_a_new_topic(members: int) -> None:
    text = judged(replace(GROUP, members=members), {AT: Bounds(0, 20)})

    assert "beyond the end of judgify.requests.v1/3: the topic is a new one" in text


def test_records_that_retention_took_unread_are_told() -> None:
    assert "retention has taken records of judgify" in judged(GROUP, {AT: Bounds(70, 90)})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("major", 14, "fail: PostgreSQL 15.4: 15 is the oldest"),
        ("read_only", True, "fail: it takes no writes"),
        ("makes_temporary_tables", False, "fail: judgify may not make temporary tables"),
        ("not_writable", ("dead_letters",), "fail: judgify may not write dead_letters"),
        ("not_deletable", ("dead_letters",), "warn: judgify lacks DELETE on dead_letters"),
        ("connections_free", 2, "warn: 2 connections free, one more process takes 5"),
        ("pending", ("0004_redrive",), "fail: the schema lacks 0004_redrive. `judgify db up"),
        ("edited", ("0001_workflows",), "fail: the schema was made by another text"),
        ("unknown", ("0009_future",), "warn: the schema is of a newer release: 0009_future"),
    ],
)
def test_a_postgres_that_will_not_do_says_why(field: str, value: Any, expected: str) -> None:
    found = list(postgres.judge(replace(HEALTH, **{field: value}), pool_max=5))

    assert [it.level for it in list(postgres.judge(HEALTH, pool_max=5))] == ["ok"]
    assert told(found).startswith(expected)


@contextmanager
def serving(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection with `answers`, each after something was heard; port and words."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for answer in answers:
                    heard.append(connection.recv(1_024))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(5)


def test_redis_is_asked_with_its_password_and_cannot_be_told_more(tmp_path: Path) -> None:
    with serving(b"+OK\r\n", b"+PONG\r\n") as (port, heard):
        url = f"redis://:p%0D%0AFLUSHALL@127.0.0.1:{port}/0"
        found = look_at(redis.look, make_subject(tmp_path, redis_url=url))

    assert [it.level for it in found] == ["ok"]
    assert heard[0] == b"*2\r\n$4\r\nAUTH\r\n$11\r\np\r\nFLUSHALL\r\n"
    assert heard[1] == b"*1\r\n$4\r\nPING\r\n"


def test_redis_that_refuses_the_password_or_is_away_is_only_a_warning(tmp_path: Path) -> None:
    with serving(b"-WRONGPASS invalid\r\n", b"-NOAUTH\r\n") as (port, _):
        url = f"redis://:hunter2@127.0.0.1:{port}/0"
        refused = look_at(redis.look, make_subject(tmp_path, redis_url=url))
    away = look_at(redis.look, make_subject(tmp_path, redis_url=url))

    assert "answers WRONGPASS invalid" in told(refused)
    assert "Connection refused" in told(away)
    assert {it.level for it in refused + away} == {"warn"}
    assert "hunter2" not in told(refused + away)


@pytest.mark.parametrize(
    ("keys", "version"), [([0, 18, 88], "4.1"), ([0, 76], "4.0"), ([0, 75], "3.7"), ([0], "0")]
)
def test_a_kafka_is_as_new_as_the_newest_request_it_knows(keys: list[int], version: str) -> None:
    body = struct.pack(">ihi", 1, 0, len(keys)) + b"".join(
        struct.pack(">hhh", key, 0, 1) for key in keys
    )
    with serving(struct.pack(">i", len(body)) + body) as (port, heard):
        assert kafka.find_version(f"127.0.0.1:{port}") == version
    assert heard[0][4:8] == struct.pack(">hh", 18, 0)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x02ab"]
)
def test_whoever_else_answers_has_no_version(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "TIMEOUT_S", 0.3)
    with serving(answer) as (port, _):
        assert kafka.find_version(f"127.0.0.1:{port}") is None
