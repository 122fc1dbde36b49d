"""kill -9 of rule-agent and postgres-sink at random moments: nothing is lost, nothing twice."""

import asyncio
import json
import random
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import orjson
import pytest

from tests.support.lane import Lane
from tests.support.services import create_database, drop_database
from tests.support.waiting import wait_until

REQUESTS: Final = 60_000
MALFORMED_SHARE: Final = 0.01
KILLS: Final = 8
DRAIN_TIMEOUT_S: Final = 120.0


@pytest.fixture
def database_url(database_server_url: str) -> Iterator[str]:
    """A database that each test has alone: what it counts is its own."""
    url = create_database(database_server_url)
    yield url
    drop_database(database_server_url, url)


@pytest.fixture
def lane(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> Iterator[Lane]:
    lane = Lane(kafka_bootstrap, topic_prefix, tmp_path, database_url)
    yield lane
    lane.close()


def fetch(database_url: str, question: str) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        try:
            return list(await connection.fetch(question))
        finally:
            await connection.close()

    return asyncio.run(run())


def count(database_url: str, table: str) -> int:
    return int(fetch(database_url, f"select count(*) from {table}")[0][0])


def reading(number: int, chance: random.Random) -> bytes:
    return orjson.dumps(
        {
            "request_id": f"r-{number}",
            "workflow_id": "milling",
            "input_data": {
                "Type": chance.choice("LMH"),
                "Air temperature [K]": 298.1,
                "Process temperature [K]": 308.6,
                "Rotational speed [rpm]": chance.randint(1_200, 2_800),
                "Torque [Nm]": chance.uniform(5, 75),
                "Tool wear [min]": chance.randint(0, 250),
            },
        }
    )


class Load:
    """Sends the requests in the background of the kills, at a rate that a test machine bears."""

    def __init__(self, lane: Lane, chance: random.Random) -> None:
        self._lane = lane
        self._chance = chance
        self.good: set[str] = set()
        self.malformed: set[bytes] = set()
        self._sent = 0

    def send(self, until: int) -> None:
        """Send up to `until` requests in all."""
        while self._sent < until:
            number = self._sent
            if self._chance.random() < MALFORMED_SHARE:
                value = b'{"malformed":%d' % number
                self.malformed.add(value)
            else:
                value = reading(number, self._chance)
                self.good.add(f"r-{number}")
            producer = self._lane.producer
            producer.produce(self._lane.requests, value, key=b"m%d" % (number % 97))
            self._sent += 1
            if number % 1_000 == 0:
                producer.poll(0)
        assert self._lane.producer.flush(30) == 0


@pytest.mark.timeout(420)
def test_eight_kills_over_sixty_thousand_requests_lose_nothing(
    lane: Lane, database_url: str
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lane.publish_workflow()
    running = {name: lane.start(name) for name in ("rule-agent", "postgres-sink")}
    load = Load(lane, chance)
    hit_in_flight = 0

    for kill in range(KILLS):
        load.send(REQUESTS * (kill + 1) // KILLS)
        name = chance.choice(sorted(running)) if kill > 1 else sorted(running)[kill]
        time.sleep(chance.uniform(0.0, 0.6))  # the moment of the kill is the point, not a wait
        stored = count(database_url, "judgment_executions")
        hit_in_flight += stored < len(load.good)
        running[name].send_signal(signal.SIGKILL)
        running[name].wait()
        running[name] = lane.start(name, wait=False)
    wait_until(
        lambda: (
            count(database_url, "judgment_executions") >= len(load.good)
            and _buried(database_url) >= load.malformed
        ),
        DRAIN_TIMEOUT_S,
        what="every request to be stored or buried",
    )
    audit = lane.run_judgify("audit", "--json")

    assert hit_in_flight >= KILLS // 2, "the kills hit nothing"
    stored_ids = [
        row["request_id"]
        for row in fetch(database_url, "select request_id from judgment_executions")
    ]
    assert len(stored_ids) == len(set(stored_ids))
    assert set(stored_ids) == load.good
    assert _buried(database_url) == load.malformed
    assert audit.returncode == 0, audit.stdout + audit.stderr
    told = json.loads(audit.stdout)
    print(f"kills that hit work in flight: {hit_in_flight} of {KILLS}; audit: {told}")


def _buried(database_url: str) -> set[bytes]:
    return {row["value"] for row in fetch(database_url, "select distinct value from dead_letters")}


@pytest.mark.timeout(120)
def test_sigterm_under_load_ends_within_ten_seconds_and_acknowledges_only_what_is_published(
    lane: Lane, database_url: str
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    lane.publish_workflow()
    load = Load(lane, random.Random(seed))
    agent = lane.start("rule-agent")
    load.send(20_000)

    agent.send_signal(signal.SIGTERM)
    started_s = time.monotonic()
    code = agent.wait(timeout=15)
    took_s = time.monotonic() - started_s
    lane.start("rule-agent")
    lane.start("postgres-sink")
    wait_until(
        lambda: count(database_url, "judgment_executions") == len(load.good),
        60,
        what="every request to be stored",
    )

    assert code == 0
    assert took_s <= 10.0
    assert lane.run_judgify("audit").returncode == 0
