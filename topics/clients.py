"""Kafka clients outside the seam: the settings they share, and their errors in our words."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import DependencyError
from topics.registry import RECORD_BYTES_MAX

DEPENDENCY: Final = "kafka"
"""The name in `DependencyError` and in the metric `dependency_up{name}`."""

RECONNECT_MS_MAX: Final = 1_000
"""A broker that is back is noticed within a second; librdkafka's own default is 10 s."""

LEADER_RETRY_S: Final = 0.1
"""Between two questions to a partition that has no leader yet."""

_T = TypeVar("_T")

_SILENT: Final = 0
"""librdkafka prints on stderr by itself; what matters of it comes as an error to the caller."""

_UNKNOWN_TOPIC: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001 -- librdkafka's public local codes
)

NO_LEADER_YET: Final = frozenset(
    {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
)


def open_consumer(bootstrap: str, **settings: Any) -> Consumer:
    """Return a consumer that joins no group: assign it; close it when done."""
    return Consumer(
        _shared(bootstrap)
        | {
            "group.id": "judgify.reader",  # demanded by the client; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
        | settings
    )


def open_producer(bootstrap: str, **settings: Any) -> Producer:
    """Return an idempotent producer whose records count only when all replicas have them.

    murmur2 puts a key on the partition that Java producers choose for it: order per key holds
    across them.
    """
    return Producer(
        _shared(bootstrap)
        | {
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.max.bytes": RECORD_BYTES_MAX,
            "compression.type": "zstd",
        }
        | settings
    )


def open_admin(bootstrap: str) -> AdminClient:
    return AdminClient(_shared(bootstrap))


def _shared(bootstrap: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "allow.auto.create.topics": False,  # topics come from the registry alone
        "log_level": _SILENT,
        "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
        "error_cb": _ignore_error,  # each call that fails says so itself
    }


def _ignore_error(error: KafkaError) -> None:
    del error


def ask(bootstrap: str, what: str, question: Callable[[], _T]) -> _T:
    """Return the answer to `question`.

    Raises:
        DependencyError: Kafka refused or did not answer; says `what` was wanted, and where.
    """
    try:
        return question()
    except KafkaException as error:
        raise refused(bootstrap, what, error.args[0]) from error


def refused(bootstrap: str, what: str, error: KafkaError) -> DependencyError:
    """Return `error` in our words: what was wanted, where, what Kafka said."""
    hint = "; create it: `judgify topics create`" if error.code() in _UNKNOWN_TOPIC else ""
    return DependencyError(DEPENDENCY, f"{what} at {bootstrap}: {error.str()}{hint}")


def count_partitions(bootstrap: str, timeout_s: float = 10.0) -> dict[str, int]:
    """Return how many partitions each topic of the cluster has.

    Raises:
        DependencyError: Kafka does not answer.
    """
    admin = open_admin(bootstrap)
    metadata = ask(bootstrap, "listing topics", lambda: admin.list_topics(timeout=timeout_s))
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def require_topic(client: Consumer | Producer, bootstrap: str, topic: str, timeout_s: float) -> int:
    """Return how many partitions `topic` has; asking creates nothing.

    Raises:
        DependencyError: Kafka does not answer, or the topic does not exist.
    """
    what = f"looking up topic {topic}"
    metadata = ask(bootstrap, what, lambda: client.list_topics(topic, timeout=timeout_s))
    found = metadata.topics[topic]
    if found.error is not None:
        raise refused(bootstrap, what, found.error)
    return len(found.partitions)


def find_bounds(
    consumer: Consumer, bootstrap: str, place: TopicPartition, timeout_s: float
) -> tuple[int, int]:
    """Return the first offset of a partition and the one after its last.

    A topic made a moment ago may have no leader yet: that is waited for.

    Raises:
        DependencyError: there is no answer within `timeout_s`.
    """
    what = f"asking where {place.topic}/{place.partition} begins and ends"
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=timeout_s)
        except KafkaException as error:
            refusal = error.args[0]
            if refusal.code() not in NO_LEADER_YET or time.monotonic() > deadline_s:
                raise refused(bootstrap, what, refusal) from error
            time.sleep(LEADER_RETRY_S)
        else:
            return low, high
