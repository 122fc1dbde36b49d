"""Single topics for tests that need no more: quicker than the whole registry."""

from collections.abc import Mapping

from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.waiting import wait_until
from topics.registry import TopicSpec, full_name

TIMEOUT_S = 30.0


def create_topic(
    bootstrap: str, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
) -> str:
    """Create a topic and return its name once the broker that answers has heard of it."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, partitions, 1, config=dict(config or {}))])[name].result(
        TIMEOUT_S
    )
    wait_until(
        lambda: name in admin.list_topics(timeout=TIMEOUT_S).topics, TIMEOUT_S, what=f"topic {name}"
    )
    return name


def create_registered(bootstrap: str, prefix: str, spec: TopicSpec) -> str:
    """Create one topic of the registry as `judgify topics create` makes it; return its name."""
    name = full_name(spec, prefix)
    return create_topic(bootstrap, name, spec.partitions("local"), spec.config("local"))


def empty_topic(bootstrap: str, name: str) -> None:
    """Delete every record of a topic; its offsets go on."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    numbers = admin.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions
    ends = [TopicPartition(name, number, OFFSET_END) for number in numbers]
    for answer in admin.delete_records(ends, request_timeout=TIMEOUT_S).values():
        answer.result(TIMEOUT_S)
