"""The doctor on a real Kafka and PostgreSQL: well when all is well, and right when it is not."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # -- documented exports

from sinks.postgres.migrate import upgrade
from tests.support.commands import Commands
from tests.support.messages import read_topic
from tests.support.services import create_database, drop_database, make_name
from tests.support.waiting import wait_until
from topics.publishing import publish

pytestmark = pytest.mark.services

LIMIT_S = 10.0


class Doctor:
    """Asks the doctor, and finds what it said of one thing."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.code = 0

    def ask(self, check: str) -> list[tuple[str, str]]:
        """Return level and words of what `check` found."""
        ended = self._commands.run("doctor", "--json")
        self.code = ended.code
        assert "hunter2" not in ended.stdout + ended.stderr
        findings = json.loads(ended.stdout)["findings"]
        return [
            (it["level"], f"{it['what']}. {it['do']}") for it in findings if it["check"] == check
        ]


@pytest.fixture
def commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Commands:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUDGIFY_DATA_DIR", str(tmp_path / "no-stack"))
    for name in ("RULE_AGENT", "LLM_AGENT", "POSTGRES_SINK"):
        monkeypatch.setenv(f"JUDGIFY_{name}_PORT", "0")
    return Commands(monkeypatch, capsys)


@pytest.fixture
def services(
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
    kafka_bootstrap: str,
    topic_prefix: str,
    database_url: str,
) -> str:
    """Real services in the environment; the topic prefix."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", topic_prefix)
    return topic_prefix


@pytest.fixture
def doctor(commands: Commands) -> Doctor:
    return Doctor(commands)


def test_with_nothing_running_it_says_how_to_begin(commands: Commands) -> None:
    ended = commands.run("doctor")

    assert ended.code == 1
    assert "✗ kafka          no address is known. Do: `judgify up`" in ended.stdout
    assert "- topics         not looked at without kafka" in ended.stdout
    assert "2 to mend" in ended.stdout


def test_all_well_exits_0_and_leaves_no_trace_that_anybody_reads(
    services: str, kafka_bootstrap: str, database_url: str, provisioned_topics: str, doctor: Doctor
) -> None:
    asyncio.run(upgrade(database_url))

    [(level, words)] = doctor.ask("clock")

    assert (level, doctor.code) == ("ok", 0), words
    assert [it.value() for it in read_topic(kafka_bootstrap, f"{services}control.v1")] == [None] * 2


def test_a_topic_of_another_make_is_told(
    services: str, kafka_bootstrap: str, provisioned_topics: str, doctor: Doctor
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    topic = f"{services}results.v1"
    admin.create_partitions([NewPartitions(topic, 13)])[topic].result(15)
    wait_until(
        lambda: len(admin.list_topics(topic, timeout=5).topics[topic].partitions) == 13,
        what="the thirteenth partition to be seen",
    )

    words = str(doctor.ask("topics"))

    assert f"('fail', '{topic}: partitions expected 12, found 13" in words
    assert "equally many partitions" in words


def test_a_schema_that_is_behind_is_told(
    services: str, database_server_url: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = create_database(database_server_url)
    monkeypatch.setenv("DATABASE_URL", empty)

    words = str(doctor.ask("postgres"))
    drop_database(database_server_url, empty)

    assert "('fail', 'the schema lacks 0001_workflows, " in words
    assert "`judgify db upgrade`" in words


def test_offsets_of_a_topic_that_is_new_and_records_that_nobody_reads_are_told(
    services: str, kafka_bootstrap: str, provisioned_topics: str, doctor: Doctor
) -> None:
    requests = f"{services}requests.v1"
    publish(kafka_bootstrap, requests, b"k", b"{}", partition=1)
    group = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": f"{services}rule-agent"})
    places = [TopicPartition(requests, 1, 0), TopicPartition(requests, 2, 7)]
    group.commit(offsets=places, asynchronous=False)
    group.close()

    words = str(doctor.ask("groups"))

    assert f"beyond the end of {requests}/2" in words
    assert f"1 record wait for {services}rule-agent, and nobody is in it" in words
    assert "`judgify run rule-agent`" in words


@pytest.fixture
def poor_role(database_url: str) -> Iterator[str]:
    """A role that may connect and read, and no more; its URL."""
    asyncio.run(upgrade(database_url))
    name = make_name("poor_")
    parts = urlsplit(database_url)
    database = parts.path.removeprefix("/")

    async def execute(*statements: str) -> None:
        connection = await asyncpg.connect(database_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(
        execute(
            f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC',
        )
    )
    yield urlunsplit(parts._replace(netloc=f"{name}:hunter2@{parts.hostname}:{parts.port}"))
    asyncio.run(execute(f"DROP OWNED BY {name}", f"DROP ROLE {name}"))


def test_a_role_that_may_not_write_is_told_what_it_lacks(
    services: str, poor_role: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", poor_role)

    words = str(doctor.ask("postgres"))

    assert "may not write workflows, workflow_versions, workflow_activations" in words
    assert "may not make temporary tables" in words


def test_a_role_that_may_write_and_not_delete_is_told_that_it_cannot_prune(
    services: str,
    poor_role: str,
    database_url: str,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def let_it_write() -> None:
        connection = await asyncpg.connect(database_url)
        role = urlsplit(poor_role).username
        await connection.execute(
            f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role};"
            f"GRANT DELETE ON dead_letters TO {role}"
        )
        await connection.close()

    asyncio.run(let_it_write())
    monkeypatch.setenv("DATABASE_URL", poor_role)

    words = str(doctor.ask("postgres"))

    assert "may not write" not in words
    assert "lacks DELETE on judgment_executions, judgment_duplicates, judgment_counts:" in words


def test_what_accepts_and_never_answers_does_not_keep_it(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as mute:
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", place)
        monkeypatch.setenv("DATABASE_URL", f"postgresql://u:hunter2@{place}/x")
        monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@{place}/0")
        start = time.monotonic()

        found: list[Any] = doctor.ask("postgres")

    assert time.monotonic() - start < LIMIT_S
    assert "does not answer in 4 s" in str(found)
    assert doctor.code == 1
