"""kill -9 of llm-agent at random moments: every escalated request ends as exactly one row."""

import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.llm_lane import LlmLane, open_llm_lane
from tests.support.load import count_stored, find_stored
from tests.support.messages import json_of, read_topic
from tests.support.services import create_database, drop_database
from tests.support.stand_in_llm import StandInLlm, run_stand_in_llm
from tests.support.waiting import wait_until
from topics.registry import ESCALATIONS, full_name

KILLS: Final = 10
AT_ONCE: Final = 150
LATENCY_MS: Final = 150
"""So that 16 questions at a time take longer than it is until the kill."""
ANSWERED_MIN: Final = 20
"""Most wait too long for one: after several deaths at a place records are handed out one by one."""
CALLED_TIMEOUT_S: Final = 60.0
"""Until a group whose members were killed works again."""
DRAIN_TIMEOUT_S: Final = 120.0


@pytest.fixture
def database_url(database_server_url: str) -> Iterator[str]:
    """A database that each test has alone: what it counts is its own."""
    url = create_database(database_server_url)
    yield url
    drop_database(database_server_url, url)


@pytest.fixture
def stand_in() -> Iterator[StandInLlm]:
    with run_stand_in_llm() as stand_in:
        yield stand_in


@pytest.fixture
def lane(
    kafka_bootstrap: str, database_url: str, stand_in: StandInLlm, tmp_path: Path
) -> Iterator[LlmLane]:
    with open_llm_lane(kafka_bootstrap, database_url, tmp_path) as lane:
        lane.lead_to(stand_in)
        yield lane


@pytest.mark.timeout(420)
def test_ten_kills_of_llm_agent_leave_one_row_of_every_escalation(
    lane: LlmLane, stand_in: StandInLlm, database_url: str
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    stand_in.follow(seed=seed, latency={"fixed_ms": LATENCY_MS, "jitter_ms": LATENCY_MS})
    lane.start("rule-agent", wait=False)
    lane.start("postgres-sink")
    lane.publish_workflow()
    copies = [lane.start("llm-agent"), lane.start("llm-agent")]
    sent: list[str] = []
    hit_in_flight = 0

    for kill in range(KILLS):
        sent += lane.escalate(f"kill-{kill}", AT_ONCE)
        wait_until(lambda: stand_in.calls()["in_flight"] > 0, CALLED_TIMEOUT_S, what="a call")
        time.sleep(chance.uniform(0.0, 0.6))  # the moment of the kill is the point, not a wait
        hit_in_flight += stand_in.calls()["in_flight"] > 0
        victim = kill % len(copies)
        copies[victim].send_signal(signal.SIGKILL)
        copies[victim].wait()
        copies[victim] = lane.start("llm-agent", wait=False)
    wait_until(
        lambda: count_stored(database_url) >= len(sent),
        DRAIN_TIMEOUT_S,
        what="every escalation to be stored",
    )
    audit = lane.run_judgify("audit", "--json")

    escalations = read_topic(lane.bootstrap, full_name(ESCALATIONS, lane.prefix))
    assert {json_of(record)["request_id"] for record in escalations} == set(sent)
    stored_ids = find_stored(database_url)
    assert sorted(stored_ids) == sorted(sent)
    rows = lane.find(sent).values()
    methods = Counter(row["method"] for row in rows)
    why = Counter(row["reason"].partition("no LLM answered: ")[2] for row in rows)
    print(f"kills that hit a call: {hit_in_flight} of {KILLS}; {methods}; {why}; {audit.stdout}")
    assert hit_in_flight >= KILLS // 2, "the kills hit nothing"
    assert methods["hybrid"] >= ANSWERED_MIN, why
    assert audit.returncode == 0, audit.stdout + audit.stderr
