"""What today's calls have cost, counted from the results themselves.

Redis keeps the count that all copies share. It may be away, or may have forgotten: the topic of
results has not.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaError, TopicPartition

from agents.llm.limits.amounts import AMOUNT_MAX, scope_names
from agents.llm.prices import nano_of_usd
from schemas.errors import DependencyError
from topics.clients import ask, open_consumer, refused, require_topic

TIMEOUT_S: Final = 10.0
"""Longest wait for one answer of the broker."""
RECORDS: Final = 5_000
"""Read at once."""
_LOOK_S: Final = 0.2
_SILENCE_S_MAX: Final = 30.0
_MARK: Final = b'"cost_usd":'
"""What every judgment with an LLM's part holds; most have none and are not decoded."""


def count_spend(
    bootstrap: str, topic: str, since_ms: int, stop: threading.Event
) -> Mapping[str, int]:
    """Return what all results from broker time `since_ms` to the present end cost, by scope.

    In nano-dollars. A result that was published twice counts twice: it may have been asked twice.

    Blocks for as long as reading them takes, or until `stop` is set.

    Raises:
        DependencyError: Kafka does not answer, or the topic does not exist; call again.
    """
    consumer = open_consumer(bootstrap)
    try:
        return _count(consumer, bootstrap, topic, since_ms, stop)
    finally:
        consumer.close()


def _count(
    consumer: Consumer, bootstrap: str, topic: str, since_ms: int, stop: threading.Event
) -> Mapping[str, int]:
    spent: Counter[str] = Counter()
    unfinished = _assign(consumer, bootstrap, topic, since_ms)
    heard_s = time.monotonic()
    while unfinished and not stop.is_set():
        messages = consumer.consume(RECORDS, _LOOK_S)
        if messages:
            heard_s = time.monotonic()
        elif time.monotonic() - heard_s > _SILENCE_S_MAX:
            raise DependencyError("kafka", f"{topic} is silent at {bootstrap}")
        for message in messages:
            error = message.error()
            if error is None:
                _add(spent, message.value())
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
                unfinished.discard(message.partition())
            else:
                raise refused(bootstrap, f"reading {topic}", error)
    return spent


def _assign(consumer: Consumer, bootstrap: str, topic: str, since_ms: int) -> set[int | None]:
    """Begin at `since_ms` in every partition; return those that hold anything since."""
    count = require_topic(consumer, bootstrap, topic, TIMEOUT_S)
    places = [TopicPartition(topic, number, since_ms) for number in range(count)]
    starts = ask(
        bootstrap,
        f"asking where today begins in {topic}",
        lambda: consumer.offsets_for_times(places, timeout=TIMEOUT_S),
    )
    for place in starts:
        if place.error is not None:
            raise refused(bootstrap, f"asking where today begins in {topic}", place.error)
    begun = [place for place in starts if place.offset >= 0]
    consumer.assign(begun)
    return {place.partition for place in begun}


def _add(spent: Counter[str], value: bytes | None) -> None:
    if value is None or _MARK not in value:
        return
    try:
        judgment = orjson.loads(value)
        scopes = scope_names(str(judgment["tenant"]), str(judgment["workflow_id"]))
        nano_usd = _cost_of(judgment["llm"])
    except (ValueError, KeyError, TypeError):
        return  # it is no judgment of ours: the sink buries it
    if nano_usd:
        spent.update(dict.fromkeys(scopes, nano_usd))


def _cost_of(use: Any) -> int:
    if use is None:
        return 0
    cost_usd = float(use["cost_usd"])
    if not isfinite(cost_usd) or cost_usd <= 0:
        return 0
    return min(nano_of_usd(cost_usd), AMOUNT_MAX)
