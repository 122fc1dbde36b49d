"""Provisioning: the registry becomes topics, once, and any difference stops it by name."""

import pytest
from confluent_kafka.admin import AdminClient

from schemas.errors import DependencyError, FatalError
from tests.support.topics import create_topic
from topics import provisioning
from topics.provisioning import check_topics, create_topics
from topics.registry import SAME_PARTITIONS, TOPICS, full_name

pytestmark = pytest.mark.services


def list_names(bootstrap: str, prefix: str) -> set[str]:
    listed = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics
    return {name for name in listed if name.startswith(prefix)}


def test_all_topics_of_the_registry_are_created_and_no_other(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    created = create_topics(kafka_bootstrap, topic_prefix, "local")

    assert set(created) == {full_name(spec, topic_prefix) for spec in TOPICS}
    assert list_names(kafka_bootstrap, topic_prefix) == set(created)
    assert check_topics(kafka_bootstrap, topic_prefix, "local") == []


def test_creating_again_changes_nothing(kafka_bootstrap: str, provisioned_topics: str) -> None:
    assert create_topics(kafka_bootstrap, provisioned_topics, "local") == []


def test_checking_creates_nothing(kafka_bootstrap: str, topic_prefix: str) -> None:
    problems = check_topics(kafka_bootstrap, topic_prefix, "local")

    assert len(problems) == len(TOPICS)
    assert list_names(kafka_bootstrap, topic_prefix) == set()


DIFFERENCES = [
    (0, 3, {}, "partitions expected 12, found 3"),
    (0, 12, {"compression.type": "zstd"}, "compression.type expected uncompressed, found zstd"),
    (
        2,
        12,
        {"message.timestamp.type": "CreateTime"},
        "message.timestamp.type expected LogAppendTime, found CreateTime",
    ),
    (2, 12, {"retention.bytes": "1000"}, "retention.bytes expected -1, found 1000"),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference[3])
def test_a_topic_that_differs_stops_it_before_anything_is_created(
    kafka_bootstrap: str, topic_prefix: str, difference: tuple[int, int, dict[str, str], str]
) -> None:
    index, partitions, override, named = difference
    name = full_name(TOPICS[index], topic_prefix)
    create_topic(kafka_bootstrap, name, partitions, TOPICS[index].config("local") | override)

    with pytest.raises(FatalError, match=f"{name}: {named}"):
        create_topics(kafka_bootstrap, topic_prefix, "local")

    assert list_names(kafka_bootstrap, topic_prefix) == {name}


def test_unequal_partition_counts_of_a_flow_are_named(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    requests, _, results = SAME_PARTITIONS
    for spec, partitions in ((requests, 12), (results, 6)):
        create_topic(
            kafka_bootstrap, full_name(spec, topic_prefix), partitions, spec.config("local")
        )

    problems = check_topics(kafka_bootstrap, topic_prefix, "local")

    assert any("equally many" in line and "results.v1 has 6" in line for line in problems)


def test_an_absent_broker_is_a_dependency_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioning, "ADMIN_TIMEOUT_S", 0.5)

    with pytest.raises(DependencyError, match=r"kafka: .*127\.0\.0\.1:1"):
        check_topics("127.0.0.1:1", "nobody.", "local")
