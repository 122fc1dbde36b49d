"""Epochs, proven: a thousand activations under load, each judgment by the version of its instant."""

import json
import operator
import random
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer

from rules.workflow.canonical import version_of
from schemas.workflow_record import Activation, WorkflowVersion
from tests.support.epochs import Seen, find_wrong, read_topics
from tests.support.lane import Lane
from tests.support.waiting import wait_until
from topics.registry import WORKFLOWS, full_name
from topics.workflow_records import VersionKey, encode_activation, encode_version

pytestmark = pytest.mark.services

WORKFLOW_IDS: Final = ("press", "lathe", "saw")
VERSIONS: Final = 4
ACTIVATIONS: Final = 1_000
LOAD_S: Final = 10.0
REQUESTS_PER_S: Final = 2_000
DELAYS_MS: Final = (0, 500, 2_000, 2_001, 2_500, 4_000)
"""Less than 2,000 counts as 2,000; different ones overtake each other."""
RETIRED_SHARE: Final = 0.1
DRAIN_TIMEOUT_S: Final = 40.0


@pytest.fixture
def lane(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[Lane]:
    lane = Lane(kafka_bootstrap, topic_prefix, tmp_path, None)
    yield lane
    lane.close()


def make_document(workflow_id: str, number: int) -> dict[str, Any]:
    return {
        "judgify": 1,
        "id": workflow_id,
        "verdicts": {"ok": {"severity": "info"}, "fail": {"severity": "critical"}},
        "input": {"bar": {"type": "number"}},
        "rules": [{"id": "BURST", "when": f"bar > {100 + number}", "verdict": "fail"}],
        "otherwise": {"verdict": "ok"},
    }


def publish_versions(lane: Lane) -> dict[str, list[str]]:
    """Publish all versions of all workflows; activate none."""
    topic = full_name(WORKFLOWS, lane.prefix)
    published: dict[str, list[str]] = {}
    for workflow_id in WORKFLOW_IDS:
        for number in range(VERSIONS):
            document = make_document(workflow_id, number)
            version = version_of(document)
            key, value = encode_version(
                VersionKey("default", workflow_id, version),
                WorkflowVersion(document=document, author="test"),
            )
            lane.producer.produce(topic, value, key=key)
            published.setdefault(workflow_id, []).append(version)
    assert lane.producer.flush(20) == 0
    return published


def activate(lane: Lane, versions: dict[str, list[str]], chance: random.Random) -> None:
    """Activate at random, roll back, retire: evenly over the time of the load."""
    producer = Producer({"bootstrap.servers": lane.bootstrap})
    topic = full_name(WORKFLOWS, lane.prefix)
    started_s = time.monotonic()
    for number in range(ACTIVATIONS):
        wait_for(started_s + number * LOAD_S / ACTIVATIONS)
        workflow_id = chance.choice(WORKFLOW_IDS)
        retired = chance.random() < RETIRED_SHARE
        activation = Activation(
            tenant="default",
            workflow_id=workflow_id,
            version=None if retired else chance.choice(versions[workflow_id]),
            delay_ms=chance.choice(DELAYS_MS),
            author="test",
        )
        key, value = encode_activation(activation)
        producer.produce(topic, value, key=key)
        producer.poll(0)
    assert producer.flush(20) == 0


def send_requests(lane: Lane, chance: random.Random) -> int:
    """Send requests evenly, longer than the last activation takes to be in force."""
    total = int((LOAD_S + max(DELAYS_MS) / 1_000) * REQUESTS_PER_S)
    started_s = time.monotonic()
    for number in range(total):
        if number % 20 == 0:
            wait_for(started_s + number / REQUESTS_PER_S)
            lane.producer.poll(0)
        request = {"workflow_id": chance.choice(WORKFLOW_IDS), "input_data": {"bar": number % 200}}
        lane.producer.produce(lane.requests, json.dumps(request), key=b"k%d" % (number % 50))
    assert lane.producer.flush(20) == 0
    return total


def wait_for(at_s: float) -> None:
    """Keep the pace: an open loop, which does not wait for what it measures."""
    time.sleep(max(0.0, at_s - time.monotonic()))


@pytest.mark.timeout(120)
def test_each_judgment_carries_the_version_in_force_at_its_own_timestamp(lane: Lane) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    versions = publish_versions(lane)
    victim = lane.start("rule-agent")
    lane.start("rule-agent")
    activating = threading.Thread(target=activate, args=(lane, versions, random.Random(seed)))
    restarting = threading.Timer(LOAD_S / 2, restart, (lane, victim))

    activating.start()
    restarting.start()
    sent = send_requests(lane, random.Random(seed + 1))
    activating.join()
    restarting.join()
    seen = read_when_judged(lane, sent)

    assert sum(map(len, seen.activations.values())) == ACTIVATIONS
    assert len(seen.requests) == sent
    wrong = find_wrong(seen)
    assert not wrong, f"{len(wrong)} of {len(seen.results)}, the first: {wrong[:3]}"
    off_by_one = find_wrong(seen, operator.lt)
    assert off_by_one, "no request came at the very instant of an activation: nothing was proven"
    judged_by = {version for _, _, version, _ in seen.results}
    assert judged_by == {None, *(it for each in versions.values() for it in each)}
    print(f"{len(seen.results)} judgments; an exclusive bound would be wrong for {len(off_by_one)}")


def read_when_judged(lane: Lane, sent: int) -> Seen:
    """Return what the topics hold once each of `sent` requests has a judgment."""
    wait_until(lambda: lane.count(lane.results) >= sent, DRAIN_TIMEOUT_S, what="as many judgments")
    read: list[Seen] = []

    def is_complete() -> bool:
        read[:] = [read_topics(lane.bootstrap, lane.prefix)]
        return len({place for place, *_ in read[0].results}) == sent

    wait_until(is_complete, DRAIN_TIMEOUT_S, what="every request to be judged")
    return read[0]


def restart(lane: Lane, victim: Any) -> None:
    """Kill a copy in the middle of its work, and start another."""
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    lane.start("rule-agent", wait=False)
