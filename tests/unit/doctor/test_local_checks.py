"""What the doctor sees of this machine: directory, disk, memory, Java, jars, ports, the stack."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from judgify.doctor.checks import data_dir, disk, jars, java, memory, ports, settings, stack
from judgify.stack.jars import load_jar_list
from judgify.stack.state import ProcessState, StackState
from schemas.errors import FatalError
from tests.support.subjects import look_at, make_subject, told

URL = "postgresql://judgify:%s@db/judgify"


def test_a_place_where_nothing_is_yet_will_do(tmp_path: Path) -> None:
    assert told(look_at(data_dir.look, make_subject(tmp_path / "new" / "er"))).startswith("ok")


def test_a_file_in_the_place_of_the_directory_fails(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    assert "is no directory" in told(look_at(data_dir.look, make_subject(tmp_path / "data")))


@pytest.mark.parametrize("name", ["stack.json", "secrets/postgres"])
def test_a_password_that_others_may_read_fails(tmp_path: Path, name: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / name).write_text("secret")
    (tmp_path / name).chmod(0o640)
    first = told(look_at(data_dir.look, make_subject(tmp_path)))
    (tmp_path / name).chmod(0o600)
    second = told(look_at(data_dir.look, make_subject(tmp_path)))

    assert f"chmod go= {tmp_path / name}" in first
    assert second.startswith("ok")


def set_disk(monkeypatch: pytest.MonkeyPatch, free_mib: int, files_free: int = 10**9) -> None:
    found = {"f_frsize": disk.MIB, "f_bavail": free_mib, "f_blocks": 2**20, "f_files": 10**9}
    seen = SimpleNamespace(**found, f_favail=files_free)
    monkeypatch.setattr(os, "statvfs", lambda _path: seen)


@pytest.mark.parametrize(
    ("free_mib", "local", "level"),
    [(1_023, True, "fail"), (1_023, False, "warn"), (4_000, True, "warn"), (9_000, True, "ok")],
)
def test_the_disk_is_judged_by_the_floor_where_everything_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, local: bool, level: str
) -> None:
    set_disk(monkeypatch, free_mib)

    found = look_at(disk.look, make_subject(tmp_path / "new", uses_local_stack=local))

    assert [it.level for it in found] == [level]


def test_a_file_system_without_inodes_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_disk(monkeypatch, free_mib=9_000, files_free=5)

    assert "room for 5 more files" in told(look_at(disk.look, make_subject(tmp_path)))


@pytest.mark.parametrize(
    ("available_mib", "running", "level"),
    [(500, False, "fail"), (800, False, "warn"), (800, True, "ok"), (100, True, "fail")],
)
def test_memory_is_judged_by_what_is_still_to_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available_mib: int, running: bool, level: str
) -> None:
    seen = SimpleNamespace(available=available_mib * memory.MIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: seen)

    found = look_at(memory.look, make_subject(tmp_path, is_running=running))

    assert [it.level for it in found] == [level]


@pytest.mark.parametrize(
    ("limit", "used", "left"), [("1000", "400", 600), ("max", "1", 2**63), ("1", "9", 0)]
)
def test_a_container_has_what_its_limit_leaves(
    tmp_path: Path, limit: str, used: str, left: int
) -> None:
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(used)

    assert memory.find_container_bytes_left(tmp_path) == left


def test_no_java_fails_only_where_one_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none() -> Path:
        raise FatalError("there is no Java")

    monkeypatch.setattr(java, "find_java", find_none)

    assert told(look_at(java.look, make_subject(tmp_path))).startswith("fail: there is no Java")
    elsewhere = make_subject(tmp_path, kafka_bootstrap_servers="kafka:9092")
    assert told(look_at(java.look, elsewhere)).startswith("skip")


def test_a_jar_that_was_changed_fails_and_a_missing_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "find_cache_dir", lambda: tmp_path)
    missing = told(look_at(jars.look, make_subject(tmp_path)))
    name = load_jar_list()[0].file_name
    (tmp_path / name).write_bytes(b"not a jar")
    changed = told(look_at(jars.look, make_subject(tmp_path)))

    assert missing.startswith("warn: 46 of 46 are not in")
    assert changed.startswith(f"fail: 1 of 46 in {tmp_path} are not what the list says: {name}")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_somebody_else_holds_fails_and_names_them(tmp_path: Path, taken: int) -> None:
    others = {"llm_agent_port": 0, "postgres_sink_port": 0}
    found = look_at(ports.look, make_subject(tmp_path, rule_agent_port=taken, **others))

    assert f"{taken}, declared for rule-agent, is held by pid {os.getpid()}" in told(found)
    assert "JUDGIFY_RULE_AGENT_PORT" in told(found)
    assert [it.level for it in found] == ["fail", "ok", "ok"]


def make_state(**process: Any) -> StackState:
    seen = ProcessState.model_validate({"pid": os.getpid()} | process)
    return StackState(
        pid=1, started_at="2026-11-21T12:00:00Z", ready=True, kafka_bootstrap_servers="h:1",
        database_url=URL % "hunter2", redis_url=None, ports={}, processes={"kafka": seen},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("running", "alive", "expected"),
    [
        (True, True, "ok: runs since 2026-11-21T12:00:00Z"),
        (True, False, "fail: kafka does not run, its last end: killed by SIGKILL"),
        (False, True, "warn: its supervisor is gone, but kafka still runs"),
        (False, False, "ok: stopped"),
    ],
)
def test_the_state_file_is_compared_with_the_processes(
    tmp_path: Path, running: bool, alive: bool, expected: str
) -> None:
    created_s = psutil.Process().create_time() + (0 if alive else 1_000)
    state = make_state(created_s=created_s, last_exit="killed by SIGKILL")

    found = look_at(stack.look, make_subject(tmp_path, state=state, is_running=running))

    assert told(found).startswith(expected)


def test_the_local_stack_is_no_place_for_production(tmp_path: Path) -> None:
    found = look_at(settings.look, make_subject(tmp_path, env="production"))

    assert "ENV=production on the local stack" in told(found)


def test_production_with_values_of_a_laptop_is_told_without_the_value(tmp_path: Path) -> None:
    subject = make_subject(
        tmp_path, env="production", kafka_bootstrap_servers="kafka:9092", host="10.0.0.1",
        database_url=URL % "changeme", log_level="DEBUG",
    )  # fmt: skip

    text = told(look_at(settings.look, subject))

    assert "fail: DATABASE_URL has a password that anybody guesses" in text
    assert "warn: LOG_LEVEL=DEBUG" in text
    assert "warn: JUDGIFY_HOST=10.0.0.1" in text
    assert "changeme" not in text


@pytest.mark.parametrize(
    ("address", "level"),
    [("127.0.0.1:9092", "ok"), ("localhost:9092", "ok"), ("[::1]:9092", "ok"), ("10.0.0.1:9", "warn")],
)  # fmt: skip
def test_another_machines_kafka_without_env_production_is_looked_at(
    tmp_path: Path, address: str, level: str
) -> None:
    found = look_at(settings.look, make_subject(tmp_path, kafka_bootstrap_servers=address))

    assert [it.level for it in found] == [level]
