"""Kafka and PostgreSQL go and come back under load: nobody restarts anything, nothing is lost."""

import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from judgify.stack.kafka import Kafka
from judgify.stack.ports import choose_ports
from judgify.stack.postgres import Postgres
from judgify.stack.service import Service
from tests.support.lane import Lane
from tests.support.load import Load, count_stored, find_stored
from tests.support.stacks import make_data_dir
from tests.support.waiting import wait_until

RECOVERY_S: Final = 60.0
OUTAGE_S: Final = 12.0
"""Longer than the session of a group member, so that everybody must come back from outside."""


class Services:
    """A Kafka and a PostgreSQL that the test may stop and start."""

    def __init__(self, data_dir: Path) -> None:
        (data_dir / "logs").mkdir(exist_ok=True)
        ports = choose_ports(("kafka", "controller", "postgres"), {}, {})
        kafka = Kafka(data_dir, ports["kafka"], ports["controller"])
        postgres = Postgres(data_dir, ports["postgres"])
        self.kafka, self.postgres = Service(kafka), Service(postgres)
        self.kafka.start()
        self.postgres.start()
        self.bootstrap = f"127.0.0.1:{kafka.port}"
        self.database_url = postgres.url

    def close(self) -> None:
        self.kafka.stop()
        self.postgres.stop()


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with make_data_dir() as data_dir:
        services = Services(data_dir)
        yield services
        services.close()


@pytest.fixture(scope="module")
def lane(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    logs = tmp_path_factory.mktemp("lane")
    lane = Lane(services.bootstrap, "judgify.", logs, services.database_url)
    lane.publish_workflow()
    lane.start("rule-agent")
    lane.start("postgres-sink")
    yield lane
    lane.close()


@pytest.fixture(scope="module")
def load(lane: Lane) -> Load:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return Load(lane, random.Random(seed))


def wait_until_stored(services: Services, load: Load) -> None:
    wait_until(
        lambda: count_stored(services.database_url) >= len(load.good),
        RECOVERY_S,
        what="every request to be stored",
    )
    assert sorted(find_stored(services.database_url)) == sorted(load.good)


@pytest.mark.timeout(180)
def test_judging_goes_on_while_postgresql_is_away_and_the_sink_catches_up(
    services: Services, lane: Lane, load: Load
) -> None:
    load.send(load.sent + 2_000)
    wait_until_stored(services, load)
    before = lane.count(lane.results)

    services.postgres.stop()
    load.send(load.sent + 4_000)
    wait_until(lambda: lane.count(lane.results) >= before + 4_000, 30, what="judging to go on")
    services.postgres.start()

    wait_until_stored(services, load)
    assert all(process.poll() is None for process in lane.processes)


@pytest.mark.timeout(240)
def test_everybody_comes_back_when_kafka_does(services: Services, lane: Lane, load: Load) -> None:
    load.send(load.sent + 2_000)

    services.kafka.stop()
    time.sleep(OUTAGE_S)  # the outage itself, under test
    services.kafka.start()
    load.send(load.sent + 2_000)

    wait_until_stored(services, load)
    assert all(process.poll() is None for process in lane.processes)


@pytest.mark.timeout(240)
def test_a_broker_that_is_killed_loses_nothing_it_has_acknowledged(
    services: Services, lane: Lane, load: Load
) -> None:
    load.send(load.sent + 4_000)

    services.kafka.kill()
    services.kafka.start()

    wait_until_stored(services, load)
    audit = lane.run_judgify("audit", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
