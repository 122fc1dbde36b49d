"""The track of a run: topics, a workflow in force, and the requests laid out before the start."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # exported without `__all__`

from bench.figures import Answer
from judgify.demo.milling import find_example_dir, load_example
from schemas.errors import DependencyError
from schemas.workflow_record import DELAY_MS_MIN, Activation, WorkflowVersion
from topics.clients import DEPENDENCY, open_admin, open_consumer, open_producer
from topics.provisioning import create_topics
from topics.publishing import publish
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, TOPICS, WORKFLOWS, full_name
from topics.workflow_records import VersionKey, encode_activation, encode_version

READINGS_MAX: Final = 10_000
"""Different readings; more requests repeat them under other ids."""
FLUSH_TIMEOUT_S: Final = 60.0
ADMIN_TIMEOUT_S: Final = 20.0
GROUP_TIMEOUT_S: Final = 60.0
"""Longest session of a member that was killed."""
GROUP_RETRY_S: Final = 0.5
EPOCH_MARGIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, and what must become of them."""

    requests: Sequence[tuple[bytes, bytes]]
    """Key and value of each."""
    known: Mapping[Answer, int]

    @property
    def mean_bytes(self) -> int:
        return sum(len(value) for _, value in self.requests) // len(self.requests)


def make_load(count: int) -> Load:
    """Return `count` requests about the example's machines, with the known answers."""
    readings = load_example(min(count, READINGS_MAX)).readings
    requests, known = [], Counter[Answer]()
    for number in range(count):
        reading = readings[number % len(readings)]
        fields: dict[str, Any] = {
            "workflow_id": "milling",
            "request_id": f"r-{number}",
            "input_data": {name: cell for name, cell in reading.row.items() if name != "UDI"},
        }
        requests.append((reading.row["Product ID"].encode(), orjson.dumps(fields)))
        rule = None if reading.rule == "otherwise" else reading.rule
        known["decided" if reading.verdict else "undetermined", reading.verdict, rule] += 1
    return Load(requests, known)


class Track:
    """Topics under a prefix of their own; `close` removes them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = f"bench-{uuid.uuid4().hex[:8]}."
        self.results = full_name(RESULTS, self.prefix)
        self.dead_letters = full_name(DEAD_LETTERS, self.prefix)
        self.requests = full_name(REQUESTS, self.prefix)
        self.requests_few = f"{self.requests}.few"
        self.partitions = REQUESTS.partitions("local")
        self.workflow: Path = find_example_dir() / "workflow.yaml"
        self._admin = open_admin(bootstrap)

    def open(self) -> None:
        """Create the topics and put the workflow in force.

        Raises:
            DependencyError: Kafka refused or did not answer.
        """
        create_topics(self.bootstrap, self.prefix, "local")
        few = NewTopic(self.requests_few, self.partitions, 1, config=REQUESTS.config("local"))
        self._admin.create_topics([few])[self.requests_few].result(ADMIN_TIMEOUT_S)
        document = load_example(0).document
        version = VersionKey("default", document.id, document.version)
        body = WorkflowVersion(document=document.data, author="bench")
        topic = full_name(WORKFLOWS, self.prefix)
        publish(self.bootstrap, topic, *encode_version(version, body))
        activation = Activation(
            tenant="default", workflow_id=document.id, version=document.version, author="bench"
        )
        publish(self.bootstrap, topic, *encode_activation(activation))
        time.sleep(DELAY_MS_MIN / 1_000 + EPOCH_MARGIN_S)

    def lay_out(self, topic: str, requests: Sequence[tuple[bytes, bytes]]) -> None:
        """Publish the requests, acknowledged.

        Raises:
            DependencyError: not all of them are.
        """
        settings = {
            "compression.type": "none",
            "linger.ms": 20,
            "queue.buffering.max.messages": len(requests) + 1,
            "delivery.report.only.error": True,
        }
        producer = open_producer(self.bootstrap, **settings)
        for key, value in requests:
            producer.produce(topic, value, key)
        left = producer.flush(FLUSH_TIMEOUT_S)
        if left:
            raise DependencyError(DEPENDENCY, f"{left} requests to {topic} are not acknowledged")

    def forget(self, group: str) -> None:
        """Delete a group's offsets, so that it begins anew; a killed member is waited for.

        Raises:
            DependencyError: it still has members.
        """
        deadline_s = time.monotonic() + GROUP_TIMEOUT_S
        while True:
            problem = self._admin.delete_consumer_groups([group])[group].exception(ADMIN_TIMEOUT_S)
            if problem is None or problem.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            if time.monotonic() > deadline_s:
                raise DependencyError(DEPENDENCY, f"group {group}: {problem}")
            time.sleep(GROUP_RETRY_S)

    def skip_to_end(self, group: str, topic: str) -> None:
        """Let a group, of which no member is alive, begin at the end of `topic`."""
        consumer = open_consumer(self.bootstrap, **{"group.id": group})
        try:
            places = [TopicPartition(topic, number) for number in range(self.partitions)]
            for place in places:
                _, place.offset = consumer.get_watermark_offsets(place, ADMIN_TIMEOUT_S)
            consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()

    def close(self) -> None:
        """Remove the topics; what cannot be removed stays."""
        names = [self.requests_few, *(full_name(spec, self.prefix) for spec in TOPICS)]
        for gone in self._admin.delete_topics(names).values():
            gone.exception(ADMIN_TIMEOUT_S)

    def describe(self, load: Load) -> dict[str, Any]:
        """Return what the track is like, for the report."""
        return {
            "partitions": self.partitions,
            "request_bytes_mean": load.mean_bytes,
            "answers": {json.dumps(answer): count for answer, count in load.known.items()},
        }
