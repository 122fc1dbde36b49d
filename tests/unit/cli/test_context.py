"""The context: the environment first, then the local stack, and never one Kafka beside another's."""

from pathlib import Path

import pytest

from judgify.cli.context import open_context
from judgify.stack.lock import hold_data_dir
from judgify.stack.state import StackState, save_state
from schemas.errors import FatalError

STATE = StackState(
    pid=7,
    started_at="2026-01-01T00:00:00.000Z",
    kafka_bootstrap_servers="127.0.0.1:20001",
    database_url="postgresql://judgify:secret@127.0.0.1:20002/judgify",
    redis_url="redis://:secret@127.0.0.1:20003/0",
    ports={},
)
OTHER = "postgresql://u:p@db.example:5432/x"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL", "JUDGIFY_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_address_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no stack is running: `judgify up`, or set KAFKA"):
        open_context(tmp_path)


def test_a_stack_that_has_ended_is_no_address(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)

    with pytest.raises(FatalError, match="no stack is running"):
        open_context(tmp_path)


def test_a_running_stack_gives_every_address(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)
    with hold_data_dir(tmp_path, STATE.started_at):
        context = open_context(tmp_path)

    assert context.kafka == STATE.kafka_bootstrap_servers
    assert context.need_database() == STATE.database_url
    assert context.settings.bootstrap == STATE.kafka_bootstrap_servers
    assert context.settings.redis_url is not None
    assert context.state == STATE


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path, STATE)
    monkeypatch.setenv("DATABASE_URL", OTHER)
    with hold_data_dir(tmp_path, STATE.started_at):
        context = open_context(tmp_path)

    assert context.kafka == STATE.kafka_bootstrap_servers
    assert context.database_url == OTHER


def test_another_kafka_never_meets_the_local_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, STATE)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    with hold_data_dir(tmp_path, STATE.started_at):
        context = open_context(tmp_path)

    assert (context.kafka, context.database_url, context.state) == (
        "kafka.example:9092",
        None,
        None,
    )
    with pytest.raises(FatalError, match="no database is known"):
        context.need_database()


def test_the_local_kafka_by_its_address_is_the_local_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, STATE)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", STATE.kafka_bootstrap_servers)
    with hold_data_dir(tmp_path, STATE.started_at):
        context = open_context(tmp_path)

    assert context.database_url == STATE.database_url
