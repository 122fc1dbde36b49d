"""kill -9 of rule-agent and postgres-sink at random moments: nothing is lost, nothing twice."""

import json
import random
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.lane import Lane
from tests.support.load import Load, count_stored, find_buried, find_stored
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


@pytest.mark.timeout(420)
def test_eight_kills_over_sixty_thousand_requests_lose_nothing(
    lane: Lane, database_url: str
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lane.publish_workflow()
    running = {name: lane.start(name) for name in ("rule-agent", "postgres-sink")}
    load = Load(lane, chance, MALFORMED_SHARE)
    hit_in_flight = 0

    for kill in range(KILLS):
        load.send(REQUESTS * (kill + 1) // KILLS)
        name = chance.choice(sorted(running)) if kill > 1 else sorted(running)[kill]
        time.sleep(chance.uniform(0.0, 0.6))  # the moment of the kill is the point, not a wait
        stored = count_stored(database_url)
        hit_in_flight += stored < len(load.good)
        running[name].send_signal(signal.SIGKILL)
        running[name].wait()
        running[name] = lane.start(name, wait=False)
    wait_until(
        lambda: (
            count_stored(database_url) >= len(load.good)
            and find_buried(database_url) >= load.malformed
        ),
        DRAIN_TIMEOUT_S,
        what="every request to be stored or buried",
    )
    audit = lane.run_judgify("audit", "--json")

    assert hit_in_flight >= KILLS // 2, "the kills hit nothing"
    stored_ids = find_stored(database_url)
    assert len(stored_ids) == len(set(stored_ids))
    assert set(stored_ids) == load.good
    assert find_buried(database_url) == load.malformed
    assert audit.returncode == 0, audit.stdout + audit.stderr
    told = json.loads(audit.stdout)
    print(f"kills that hit work in flight: {hit_in_flight} of {KILLS}; audit: {told}")


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
        lambda: count_stored(database_url) == len(load.good),
        60,
        what="every request to be stored",
    )

    assert code == 0
    assert took_s <= 10.0
    assert lane.run_judgify("audit").returncode == 0
