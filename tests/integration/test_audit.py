"""The audit on a real Kafka and a real PostgreSQL: it finds what is missing, and nothing else."""

import time
from typing import Any

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.dead_letter import DeadLetter
from sinks.postgres.audit import Audit, LaneBehindError, run_audit
from sinks.postgres.audit_log import AuditLog
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.builders import FakeRecord
from tests.support.results import encode_judgment, make_results
from tests.support.services import make_name
from tests.support.waiting import wait_until
from topics.headers import build_dead_letter_headers

pytestmark = pytest.mark.services

NAMES = ("requests.v1", "escalations.v1", "results.v1", "dead-letters.v1")
PARTITIONS = 2


class Plant:
    """A Kafka with our topics in which a test plays every agent."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.requests = f"{prefix}requests.v1"
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})

    def send(self, name: str, partition: int = 0, timestamp: int = 0) -> tuple[int, int]:
        """Publish a record; return its offset and the broker's timestamp."""
        acknowledged: list[Any] = []
        self._producer.produce(
            f"{self.prefix}{name}", b"{}", partition=partition, timestamp=timestamp,
            on_delivery=lambda error, message: acknowledged.append((error, message)),
        )  # fmt: skip
        self._producer.flush(30)
        error, message = acknowledged[0]
        assert error is None
        return message.offset(), message.timestamp()[1]

    def abort(self, partition: int, count: int) -> None:
        """Publish `count` requests in a transaction that is then aborted."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "transactional.id": make_name("audit-")}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for _ in range(count):
            producer.produce(self.requests, b"aborted", partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)

    def commit(self, process: str, name: str, offset: int, partition: int = 0) -> None:
        """Commit as `process` does when it has finished everything before `offset`."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}{process}"}
        )
        position = TopicPartition(f"{self.prefix}{name}", partition, offset)
        consumer.commit(offsets=[position], asynchronous=False)
        consumer.close()


@pytest.fixture
def plant(kafka_bootstrap: str, topic_prefix: str) -> Plant:
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    new = [
        NewTopic(f"{topic_prefix}{name}", PARTITIONS, 1, config={"retention.ms": "-1"})
        for name in NAMES
    ]
    for future in admin.create_topics(new).values():
        future.result(30)
    wait_until(
        lambda: {topic.topic for topic in new} <= set(admin.list_topics(timeout=5).topics),
        what="the topics to be seen",
    )
    return Plant(kafka_bootstrap, topic_prefix)


@pytest.fixture
def audit(plant: Plant, database: asyncpg.Connection, database_url: str) -> Any:
    async def run(timeout_s: float = 10) -> Audit:
        return await run_audit(plant.bootstrap, database_url, plant.prefix, timeout_s=timeout_s)

    return run


def judge(
    plant: Plant, position: tuple[int, int], request_id: str | None = None, partition: int = 0
) -> bytes:
    """Return the judgment of the request at `position` (offset, timestamp)."""
    offset, timestamp = position
    origin = {
        "topic": plant.requests, "partition": partition, "offset": offset, "timestamp": timestamp,
    }  # fmt: skip
    return encode_judgment(request_id or f"r-{partition}-{offset}", origin=origin)


def bury(plant: Plant, position: tuple[int, int], **fields: Any) -> Batch:
    """Return the dead letter of the request at `position`, as rule-agent publishes it."""
    letter = DeadLetter.model_validate(
        {
            "key": b"k", "value": b"v", "headers": (), "topic": plant.requests, "partition": 0,
            "offset": position[0], "timestamp": position[1], "request_origin": None,
            "agent": "rule-agent", "version": "0.1.0", "kind": "message", "code": "unreadable",
            "reason": "not JSON", "at": "2025-06-15T15:06:40.000Z",
        }
        | fields
    )  # fmt: skip
    headers = build_dead_letter_headers(letter)
    record = FakeRecord(0, key=letter.key, value=letter.value, headers=headers)  # type: ignore[arg-type]  # -- null headers
    return Batch(f"{plant.prefix}dead-letters.v1", 0, [record])


async def test_each_record_is_judged_duplicate_or_buried_and_nothing_is_left_over(
    plant: Plant, sink: PostgresSink, audit: Any
) -> None:
    judged, repeated, bad, worse = [plant.send("requests.v1") for _ in range(4)]
    elsewhere = plant.send("requests.v1", partition=1)
    await sink.write_results(
        [make_results(judge(plant, judged, "r-1"), judge(plant, repeated, "r-1"))]
    )
    await sink.write_results([make_results(judge(plant, elsewhere, partition=1))])
    origin = f"{plant.requests}/0/{worse[0]}/{worse[1]}"
    await sink.write_dead_letters(
        [
            bury(plant, bad),
            bury(plant, (77, 1), topic="results", agent="postgres-sink", request_origin=origin),
        ]
    )
    plant.commit("rule-agent", "requests.v1", 4)
    plant.commit("rule-agent", "requests.v1", 1, partition=1)

    found = await audit()

    assert (found.judged, found.duplicates, found.buried) == (2, 1, 2)
    assert (found.left_over, found.without_record, found.not_finished) == (0, 0, 0)
    assert found.clean


async def test_one_row_that_was_deleted_by_hand_is_named(
    plant: Plant, sink: PostgresSink, database: asyncpg.Connection, audit: Any
) -> None:
    positions = [plant.send("requests.v1") for _ in range(5)]
    await sink.write_results([make_results(*(judge(plant, at) for at in positions))])
    plant.commit("rule-agent", "requests.v1", 5)
    assert (await audit()).clean
    await database.execute("DELETE FROM judgment_executions WHERE origin_offset = 3")

    found = await audit()

    assert (found.judged, found.left_over) == (4, 1)
    assert found.left_over_at == [f"{plant.requests}/0/3/{positions[3][1]}"]
    assert not found.clean


async def test_offsets_without_a_record_are_not_left_over(
    plant: Plant, sink: PostgresSink, audit: Any
) -> None:
    first = plant.send("requests.v1")
    plant.abort(0, count=5)
    second = plant.send("requests.v1")
    plant.abort(0, count=2)
    await sink.write_results([make_results(judge(plant, first), judge(plant, second))])
    end = 2 + 5 + 2 + 2  # both requests, what was aborted, and two markers
    log = AuditLog(plant.bootstrap)
    wait_until(lambda: log.fetch_spans(plant.requests)[0].end == end, what="the markers")
    log.close()
    plant.commit("rule-agent", "requests.v1", end)

    found = await audit()

    assert (found.judged, found.without_record, found.left_over) == (2, 9, 0)


async def test_a_row_of_a_topic_that_was_deleted_does_not_vouch_for_a_new_record(
    plant: Plant, sink: PostgresSink, audit: Any
) -> None:
    offset, timestamp = plant.send("requests.v1")
    await sink.write_results([make_results(judge(plant, (offset, timestamp - 1)))])
    await sink.write_dead_letters([bury(plant, (offset, timestamp - 1))])
    plant.commit("rule-agent", "requests.v1", 1)

    found = await audit()

    assert found.left_over_at == [f"{plant.requests}/0/{offset}/{timestamp}"]


async def test_a_broker_clock_that_was_set_back_leaves_nothing_over(
    plant: Plant, sink: PostgresSink, audit: Any
) -> None:
    now_ms = time.time_ns() // 1_000_000
    positions = [plant.send("requests.v1", timestamp=now_ms - lag) for lag in range(0, 400, 100)]
    judged, repeated, buried, later = positions
    await sink.write_results(
        [make_results(judge(plant, judged, "r"), judge(plant, repeated, "r"), judge(plant, later))]
    )
    await sink.write_dead_letters([bury(plant, buried)])
    plant.commit("rule-agent", "requests.v1", 4)

    found = await audit()

    assert (found.judged, found.duplicates, found.buried, found.left_over) == (2, 1, 1, 0)


async def test_what_rule_agent_has_not_committed_is_not_audited(plant: Plant, audit: Any) -> None:
    for _ in range(3):
        plant.send("requests.v1")

    found = await audit()

    assert (found.records, found.not_finished, found.clean) == (0, 3, True)


async def test_a_loss_that_an_agent_reported_is_not_clean(
    plant: Plant, sink: PostgresSink, audit: Any
) -> None:
    await sink.write_dead_letters(
        [bury(plant, (0, -1), kind="lost", code="lost", reason="offsets 0 to 9")]
    )

    found = await audit()

    assert [(loss.topic, loss.reason) for loss in found.lost] == [
        (plant.requests, "offsets 0 to 9")
    ]
    assert not found.clean


@pytest.mark.parametrize(
    ("process", "name"),
    [
        ("llm-agent", "escalations.v1"),
        ("postgres-sink", "results.v1"),
        ("postgres-sink", "dead-letters.v1"),
    ],
)
async def test_the_audit_waits_for_each_lane_and_says_which_is_behind(
    plant: Plant, sink: PostgresSink, audit: Any, process: str, name: str
) -> None:
    plant.send(name, partition=1)

    with pytest.raises(LaneBehindError, match=rf"{process}: did not pass \S*{name}"):
        await audit(timeout_s=0.1)
    plant.commit(process, name, 1, partition=1)

    assert (await audit()).clean
