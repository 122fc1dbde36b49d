"""Whose disk must not be filled: that of a stack's own services, as an agent of it sees them."""

import os
from pathlib import Path

import pytest

from judgify.cli.context import open_context
from judgify.stack.disk import find_kafka_disk, find_postgres_disk
from judgify.stack.lock import hold_data_dir
from judgify.stack.plan import StackOptions, make_plan
from judgify.stack.state import ProcessState, StackState, save_state
from runtime.settings import Settings, load_settings

ELSEWHERE = "postgresql://u:hidden@db.example:5432/x"


def open_settings_of_an_agent(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> Settings:
    """Return the settings of postgres-sink in a stack that runs in `data_dir`."""
    settings = load_settings(environment=environment, dotenv=data_dir / "no.env")
    options = StackOptions(data_dir, services_only=False, port_base=0)
    plan = make_plan(options, settings, {}, lambda done, total: None)
    addresses = plan.addresses
    state = StackState(
        pid=os.getpid(),
        started_at="2026-11-21T12:00:00Z",
        kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
        database_url=addresses.database_url,
        redis_url=addresses.redis_url,
        ports=dict(plan.ports),
        processes={it.name: ProcessState(pid=os.getpid()) for it in plan.services},
    )
    save_state(data_dir, state)
    command = next(it.program.command() for it in plan.agents if it.name == "postgres-sink")
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL", "JUDGIFY_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in command.environment.items():
        monkeypatch.setenv(name, value)
    return open_context().settings


def test_an_agent_knows_the_disk_of_its_stack_wherever_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold_data_dir(tmp_path, "2026-11-21T12:00:00Z"):
        settings = open_settings_of_an_agent(tmp_path, monkeypatch, {})

        assert find_postgres_disk(settings).paths == (tmp_path,)
        assert find_kafka_disk(settings).paths == (tmp_path,)


def test_the_disk_of_a_service_that_is_not_the_stacks_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold_data_dir(tmp_path, "2026-11-21T12:00:00Z"):
        settings = open_settings_of_an_agent(tmp_path, monkeypatch, {"DATABASE_URL": ELSEWHERE})
        moved = settings.model_copy(update={"kafka_bootstrap_servers": "kafka.example:9092"})

        assert find_postgres_disk(settings).paths == ()
        assert find_kafka_disk(settings).paths == (tmp_path,)
        assert find_kafka_disk(moved).paths == ()


def test_a_stack_that_does_not_run_fills_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = open_settings_of_an_agent(tmp_path, monkeypatch, {})

    assert find_postgres_disk(settings).paths == ()
