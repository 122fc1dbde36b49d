"""`kill -9` of the stack, whenever it comes: no process is left, and no data is lost."""

import asyncio
import json
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # exported

from judgify.stack.launch import Stack
from judgify.stack.plan import AGENTS
from judgify.stack.state import StackState, is_running, load_running_state
from tests.support import stacks
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(400)
START_TIED = """
import sys, time
from pathlib import Path
from judgify.stack.launch import start_stack
from judgify.stack.plan import StackOptions
start_stack(StackOptions(Path(sys.argv[1]), services_only=True), tied=True)
time.sleep(600)
"""
TOPIC = "kept"
GONE_TIMEOUT_S = 5.0


def write_everywhere(state: StackState, number: int) -> None:
    """Store `number` in Kafka and in PostgreSQL, acknowledged by both."""
    servers = state.kafka_bootstrap_servers
    if number == 0:
        admin = AdminClient({"bootstrap.servers": servers})
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
    reports: list[object] = []
    producer = Producer({"bootstrap.servers": servers, "acks": "all"})
    producer.produce(TOPIC, str(number), on_delivery=lambda error, _: reports.append(error))
    producer.flush(30)
    assert reports == [None]
    execute(state, "CREATE TABLE IF NOT EXISTS kept (number int)")
    execute(state, f"INSERT INTO kept VALUES ({number})")


def execute(state: StackState, query: str) -> list[object]:
    async def run() -> list[object]:
        connection = await asyncpg.connect(state.database_url, timeout=10)
        try:
            return [row[0] for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(run())


def count_records(state: StackState) -> int:
    consumer = Consumer({"bootstrap.servers": state.kafka_bootstrap_servers, "group.id": "count"})
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
        return int(high - low)
    finally:
        consumer.close()


def wait_gone(processes: list[psutil.Process], data_dir: Path) -> None:
    wait_until(lambda: not stacks.count_alive(processes), GONE_TIMEOUT_S, what="the end of all")
    assert stacks.find_processes_in(data_dir) == []
    assert not is_running(data_dir)


def test_a_tied_stack_stops_in_order_when_its_starter_is_killed() -> None:
    with stacks.make_data_dir() as data_dir:
        starter = subprocess.Popen(
            [sys.executable, "-c", START_TIED, str(data_dir)], env=stacks.bare_environment()
        )
        state = wait_until(lambda: load_ready_state(data_dir), 120, what="the stack")
        assert state is not None
        processes = [psutil.Process(state.pid), *stacks.find_descendants(state.pid)]

        starter.kill()
        starter.wait(10)

        wait_until(lambda: not stacks.count_alive(processes), 60, what="the end of all")
        assert stacks.find_processes_in(data_dir) == []
        assert "shut down" in (data_dir / "logs" / "postgres.log").read_text().splitlines()[-1]


def load_ready_state(data_dir: Path) -> StackState | None:
    state = load_running_state(data_dir)
    return state if state is not None and state.ready else None


def wait_for_moment(seconds: float) -> None:
    """Let the stack come as far as it does: the moment of the kill is what the test varies."""
    moment_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > moment_s, what="the moment")


def test_a_killed_stack_leaves_no_process_and_loses_nothing() -> None:
    with stacks.make_data_dir() as data_dir:
        for number in range(2):
            stack = stacks.start(data_dir)
            write_everywhere(stack.state, number)
            processes = stacks.find_descendants(stack.supervisor.pid)
            assert {"java", "postgres", "valkey-server"} <= {each.name() for each in processes}

            stack.kill()

            wait_gone(processes, data_dir)
        state = stacks.start(data_dir).state
        assert count_records(state) == 2
        assert execute(state, "SELECT number FROM kept ORDER BY number") == [0, 1]


def test_a_stack_that_is_killed_while_it_starts_leaves_nothing_that_stops_the_next() -> None:
    seed = secrets.randbits(32)
    print("seed", seed)
    moments = random.Random(seed)
    with stacks.make_data_dir() as data_dir:
        for _ in range(4):
            up = stacks.open_judgify("up", "--services-only", "--data-dir", str(data_dir))
            wait_until(lambda: is_running(data_dir), 30, what="the supervisor")
            wait_for_moment(moments.uniform(0, 3))
            processes = stacks.find_descendants(up.pid)

            up.kill()
            up.wait(10)

            wait_gone(processes, data_dir)
        write_everywhere(stacks.start(data_dir).state, 0)


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_service_that_is_killed_comes_back_with_its_data(name: str) -> None:
    with stacks.make_data_dir() as data_dir:
        stack = stacks.start(data_dir)
        write_everywhere(stack.state, 0)
        pid = stack.state.processes[name].pid
        assert pid is not None

        psutil.Process(pid).kill()

        wait_restarted(stack, name)
        wait_until(lambda: works(stack.state), 60, what="both to answer")
        assert count_records(stack.state) == 1
        assert stack.stop() == 0


def test_agents_that_are_killed_come_back_and_a_killed_stack_takes_them_along() -> None:
    with stacks.make_data_dir() as data_dir:
        stack = stacks.start_with_agents(data_dir)
        for name in AGENTS:
            pid = stack.state.processes[name].pid
            assert pid is not None
            psutil.Process(pid).kill()
        for name in AGENTS:
            wait_restarted(stack, name)
            assert stack.state.processes[name].last_exit == "killed by SIGKILL"
        send(data_dir, "r-1")
        wait_until(lambda: fetch_stored(stack.state) == ["r-1"], 90, what="a judgment")
        processes = stacks.find_descendants(stack.supervisor.pid)

        stack.kill()

        wait_gone(processes, data_dir)
        again = stacks.start_with_agents(data_dir)
        send(data_dir, "r-2")
        wait_until(lambda: fetch_stored(again.state) == ["r-1", "r-2"], 90, what="both")
        assert again.stop() == 0


def wait_restarted(stack: Stack, name: str) -> None:
    wait_until(lambda: stack.state.processes[name].restarts_total, 30, what="a restart")


def send(data_dir: Path, request_id: str) -> None:
    servers = load_running_state(data_dir)
    assert servers is not None
    event = {"request_id": request_id, "workflow_id": "test", "input_data": {"value": 120}}
    reports: list[object] = []
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap_servers, "acks": "all"})
    producer.produce(
        "judgify.requests.v1",
        json.dumps(event),
        on_delivery=lambda error, _: reports.append(error),
    )
    producer.flush(30)
    assert reports == [None]


def fetch_stored(state: StackState) -> list[object]:
    return execute(
        state,
        "SELECT request_id FROM judgment_executions WHERE verdict = 'high' ORDER BY request_id",
    )


def works(state: StackState) -> bool:
    try:
        brokers = AdminClient({"bootstrap.servers": state.kafka_bootstrap_servers, "log_level": 0})
        return bool(brokers.list_topics(timeout=2).brokers) and bool(execute(state, "SELECT 1"))
    except (asyncpg.PostgresError, KafkaException, OSError):
        return False
