"""The local stack as its user sees it: real services, on 127.0.0.1, whose data stays."""

import asyncio
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # exported

from judgify.stack.launch import Stack
from tests.support import stacks
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
DEAD_PROXY = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Kafka, PostgreSQL and Valkey, of this module alone."""
    with stacks.make_data_dir() as data_dir:
        yield stacks.start(data_dir)


def fetch_value(url: str, query: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(run())


def ask_valkey(url: str, *lines: str) -> str:
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), 5) as connection:
        answer = ""
        for line in lines:
            connection.sendall(line.encode() + b"\r\n")
            answer = connection.recv(4_096).decode()
        return answer


def answers(url: str) -> bool:
    try:
        return bool(ask_valkey(url, "PING"))
    except OSError:
        return False


def test_kafka_takes_records_and_creates_no_topic_by_itself(stack: Stack) -> None:
    servers: dict[str, str | int | float | bool] = {
        "bootstrap.servers": stack.state.kafka_bootstrap_servers,
        "message.timeout.ms": 5_000,
    }
    admin = AdminClient({"bootstrap.servers": stack.state.kafka_bootstrap_servers})
    admin.create_topics([NewTopic("taken", 3, 1)])["taken"].result(30)
    reports: list[object] = []

    producer = Producer(servers)
    producer.produce("taken", b"x", on_delivery=lambda error, _: reports.append(error))
    producer.produce("never-made", b"x", on_delivery=lambda error, _: reports.append(error))
    producer.flush(15)

    assert len([error for error in reports if error is None]) == 1
    assert "never-made" not in admin.list_topics(timeout=10).topics


def test_postgresql_has_a_database_a_password_and_vectors(stack: Stack) -> None:
    url = stack.state.database_url
    assert fetch_value(url, "SELECT current_database()") == "judgify"
    fetch_value(url, "CREATE EXTENSION IF NOT EXISTS vector")
    assert fetch_value(url, "SELECT '[1,2]'::vector <-> '[1,2]'::vector") == 0.0
    assert fetch_value(url, "SHOW server_encoding") == "UTF8"

    with pytest.raises(asyncpg.InvalidPasswordError):
        fetch_value(re.sub(r":[^:@]+@", ":wrong@", url), "SELECT 1")


def test_valkey_asks_for_its_password(stack: Stack) -> None:
    url = str(stack.state.redis_url)

    assert ask_valkey(url, "PING").startswith("-NOAUTH")
    assert ask_valkey(url, f"AUTH {urlsplit(url).password}", "PING") == "+PONG\r\n"


def test_every_socket_that_listens_is_a_declared_port_on_the_loopback(stack: Stack) -> None:
    pids = {each.pid for each in stacks.find_descendants(stack.supervisor.pid)}
    listening = {
        tuple(connection.laddr)
        for connection in psutil.net_connections("inet")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN
    }

    assert listening == {("127.0.0.1", port) for port in stack.state.ports.values()}


def test_postgresql_does_not_run_as_root(stack: Stack) -> None:
    pid = stack.state.processes["postgres"].pid

    assert pid is not None
    assert psutil.Process(pid).uids().effective != 0


def test_a_second_stack_in_the_same_place_is_told_who_runs_there(stack: Stack) -> None:
    second = stacks.run_judgify("up", "--services-only", "--data-dir", str(stack.data_dir))

    assert second.returncode == 2
    assert f"pid {stack.state.pid}, since {stack.state.started_at}" in second.stderr
    assert stack.supervisor.poll() is None


def test_env_prints_what_a_shell_can_eval(stack: Stack) -> None:
    printed = stacks.run_judgify("env", "--data-dir", str(stack.data_dir))
    names = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL", "JUDGIFY_DATA_DIR")
    shell = "\n".join((printed.stdout, *(f'printf "%s\\n" "${name}"' for name in names)))
    seen = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout

    state = stack.state
    assert seen.splitlines() == [
        state.kafka_bootstrap_servers,
        state.database_url,
        state.redis_url,
        str(stack.data_dir),
    ]
    as_json = stacks.run_judgify("env", "--json", "--data-dir", str(stack.data_dir))
    told = json.loads(as_json.stdout)
    assert (told["DATABASE_URL"], told["JUDGIFY_DATA_DIR"]) == (state.database_url, seen.split()[3])


def test_a_service_that_dies_is_started_again_and_that_is_counted(stack: Stack) -> None:
    before = stack.state.processes["valkey"].pid
    assert before is not None

    psutil.Process(before).kill()

    wait_until(lambda: stack.state.processes["valkey"].restarts_total, 15, what="a restart")
    after = stack.state.processes["valkey"]
    assert after.pid not in (None, before)
    assert after.last_exit == "killed by SIGKILL"
    # It is ready a little later; the tests behind this one share it.
    wait_until(lambda: answers(str(stack.state.redis_url)), 15, what="Valkey to answer again")


def test_services_that_are_elsewhere_are_not_started(stack: Stack) -> None:
    state = stack.state
    with stacks.make_data_dir() as data_dir:
        other = stacks.start(
            data_dir,
            {
                "KAFKA_BOOTSTRAP_SERVERS": state.kafka_bootstrap_servers,
                "DATABASE_URL": state.database_url,
            },
        )

        assert set(other.state.processes) == {"valkey"}
        assert other.state.kafka_bootstrap_servers == state.kafka_bootstrap_servers
        assert other.stop() == 0


def test_a_taken_declared_port_is_named_with_its_owner(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, stacks.make_data_dir() as data_dir:
        base = str(server.getsockname()[1] - 20)  # where Kafka would listen
        up = stacks.run_judgify(
            "up", "--services-only", "--data-dir", str(data_dir), "--port-base", base
        )

        assert up.returncode == 2
        assert f"taken by pid {psutil.Process().pid} (" in up.stderr
        assert stacks.find_processes_in(data_dir) == []


def test_a_cold_cache_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    with stacks.make_data_dir() as data_dir:
        up = stacks.run_judgify(
            "up", "--services-only", "--detach", "--data-dir", str(data_dir),
            XDG_CACHE_HOME=str(tmp_path), **DEAD_PROXY,
        )  # fmt: skip

        assert up.returncode == 1
        assert "The first start needs a network" in up.stderr
        assert stacks.find_processes_in(data_dir) == []
    assert list(tmp_path.rglob("*.jar")) == []


def test_ctrl_c_stops_all_of_it_and_the_next_start_has_its_data_without_a_network() -> None:
    with stacks.make_data_dir() as data_dir:
        first = stacks.start(data_dir)
        before = first.state
        admin = AdminClient({"bootstrap.servers": before.kafka_bootstrap_servers})
        admin.create_topics([NewTopic("kept", 5, 1)])["kept"].result(30)
        fetch_value(before.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        started = stacks.find_descendants(first.supervisor.pid)

        first.supervisor.send_signal(signal.SIGINT)
        assert first.supervisor.wait(60) == 0
        assert stacks.count_alive(started) == 0
        assert stacks.find_processes_in(data_dir) == []
        assert first.state.processes["kafka"].last_exit is None

        after = stacks.start(data_dir, DEAD_PROXY).state
        assert after.ports == before.ports
        assert len(admin.list_topics("kept", timeout=10).topics["kept"].partitions) == 5
        assert fetch_value(before.database_url, "SELECT answer FROM kept") == 42

        assert stacks.run_judgify("down", "--data-dir", str(data_dir)).returncode == 0
        again = stacks.run_judgify("down", "--data-dir", str(data_dir))
        assert "no stack is running" in again.stdout


def test_a_signal_before_it_is_ready_leaves_nothing() -> None:
    with stacks.make_data_dir() as data_dir:
        up = stacks.open_judgify("up", "--services-only", "--data-dir", str(data_dir))
        wait_until(lambda: stacks.find_descendants(up.pid), 30, what="its first child")

        up.send_signal(signal.SIGTERM)

        assert up.wait(60) == 130
        assert stacks.find_processes_in(data_dir) == []
