"""Which version judged which request, recomputed from the topics alone.

Independent on purpose: nothing of `rules` or `topics` is imported, only what
docs/architecture.md promises about the topics is known here. It is what a stranger would write who
does not believe us.
"""

import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

READ_TIMEOUT_S = 30.0
DELAY_MS_MIN = 2_000

IsInForce = Callable[[int, int], bool]
"""Told since when an activation counts and when a request came, in ms of the broker's clock."""


class Seen(NamedTuple):
    """What the topics hold, read to their ends."""

    activations: dict[str, list[tuple[int, int, str | None]]]
    """By workflow: (in force from, offset, version), in the order in which they count."""
    requests: dict[tuple[int, int], tuple[int, str]]
    """By (partition, offset): broker time, workflow."""
    results: list[tuple[tuple[int, int], int, str | None, str | None]]
    """(origin, origin's time as told, version, error code)."""


def read_all(bootstrap: str, topic: str) -> Iterator[Any]:
    """Yield every record that `topic` holds now."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "stranger", "enable.auto.commit": False}
    )
    partitions = consumer.list_topics(topic, timeout=READ_TIMEOUT_S).topics[topic].partitions
    ends = {}
    for number in partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), READ_TIMEOUT_S)
        if high > low:
            ends[number] = high
    consumer.assign([TopicPartition(topic, number, 0) for number in ends])
    while ends:
        message = consumer.poll(READ_TIMEOUT_S)
        assert message is not None, f"{topic} fell silent before its end"
        assert message.error() is None, message.error()
        yield message
        partition, offset = message.partition(), message.offset()
        if partition in ends and offset is not None and offset + 1 >= ends[partition]:
            del ends[partition]
    consumer.close()


def read_topics(bootstrap: str, prefix: str) -> Seen:
    """Return what activations, requests and results there are."""
    activations = defaultdict(list)
    for record in read_all(bootstrap, f"{prefix}workflows.v1"):
        if record.key().startswith(b"activation/"):
            told = json.loads(record.value())
            from_ms = record.timestamp()[1] + max(told["delay_ms"], DELAY_MS_MIN)
            activations[told["workflow_id"]].append((from_ms, record.offset(), told["version"]))
    requests = {
        (record.partition(), record.offset()): (
            record.timestamp()[1],
            json.loads(record.value())["workflow_id"],
        )
        for record in read_all(bootstrap, f"{prefix}requests.v1")
    }
    results = []
    for record in read_all(bootstrap, f"{prefix}results.v1"):
        told = json.loads(record.value())
        origin, error = told["origin"], told["error"]
        place = (origin["partition"], origin["offset"])
        code = error and error["code"]
        results.append((place, origin["timestamp"], told["workflow_version"], code))
    ordered = {name: sorted(each, key=lambda it: it[:2]) for name, each in activations.items()}
    return Seen(ordered, requests, results)


def find_wrong(seen: Seen, is_in_force: IsInForce = operator.le) -> list[str]:
    """Return how results differ from the versions in force at their requests' own times."""
    wrong = []
    for place, told_ms, version, code in seen.results:
        at_ms, workflow_id = seen.requests[place]
        past = [it for it in seen.activations.get(workflow_id, []) if is_in_force(it[0], at_ms)]
        expected = past[-1][2] if past else None
        found_code = None if expected else "workflow_not_found"
        if (told_ms, version, code) != (at_ms, expected, found_code):
            wrong.append(f"{place} at {at_ms}: {version} {code} told at {told_ms}, not {expected}")
    return wrong
