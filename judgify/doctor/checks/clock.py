"""Clocks: how long after its broker time a record is acknowledged, by our clock.

A version is in force from its broker time plus a delay, on every partition, whichever broker leads
it. That is exact while clocks differ by less than the delay minus the second for which an agent may
rely on what it has read.
"""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from confluent_kafka import Message, Producer

from judgify.cli.activating import MARGIN_MS
from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject
from schemas.errors import DependencyError
from topics.clients import DEPENDENCY, open_producer, require_topic
from topics.control_records import SKIP_PREFIX
from topics.registry import CONTROL, full_name

TIMEOUT_S: Final = 1.5
"""Of each of three questions."""
KEY: Final = f"{SKIP_PREFIX}doctor/0/0".encode()
"""Takes back an order to bury a record that cannot exist: every reader understands that, and it
changes nothing."""


class Measured(NamedTuple):
    """One record's way to the broker and back."""

    sent_ms: int
    """By our wall clock, as the third."""
    timestamp_ms: int
    acknowledged_ms: int

    @property
    def apart_ms(self) -> int:
        """Return how far our clock is from the broker's at least, behind it if negative."""
        if self.timestamp_ms < self.sent_ms:
            return self.sent_ms - self.timestamp_ms
        return min(0, self.acknowledged_ms - self.timestamp_ms)


def look(subject: Subject) -> Iterator[Finding]:
    """Publish a record that changes nothing, and compare three times."""
    topic = full_name(CONTROL, subject.settings.topic_prefix)
    try:
        measured = measure(str(subject.kafka), topic)
    except DependencyError as error:
        yield warn(f"not measured: {error.reason}", "see to that, then ask again")
        return
    yield judge(measured, subject.settings.activation_delay_ms)


def judge(measured: Measured, delay_ms: int) -> Finding:
    """Return whether versions change exactly with so much between the clocks."""
    late_ms = abs(measured.acknowledged_ms - measured.timestamp_ms)
    allowed_ms = delay_ms - MARGIN_MS
    took_ms = measured.acknowledged_ms - measured.sent_ms
    told = f"ours is {measured.apart_ms:+,} ms from Kafka's, acknowledged in {took_ms:,} ms"
    do = "run NTP on every machine; else raise JUDGIFY_ACTIVATION_DELAY_MS"
    if late_ms >= allowed_ms:
        return fail(f"{told}: agents may differ about a new version ({allowed_ms:,} ms)", do)
    if late_ms >= allowed_ms // 2:
        return warn(f"{told}: more than half of the {allowed_ms:,} ms allowed", do)
    return ok(f"{told}, {allowed_ms:,} ms allowed")


def measure(bootstrap: str, topic: str) -> Measured:
    """Return the times of the second of two records: the first one opens the connection.

    Raises:
        DependencyError: there is no such topic, or no acknowledgement.
    """
    producer = open_producer(bootstrap, **{"delivery.timeout.ms": int(TIMEOUT_S * 1_000)})
    require_topic(producer, bootstrap, topic, TIMEOUT_S)
    _publish(producer, topic)
    sent_ms = time.time_ns() // 1_000_000
    timestamp_ms = _publish(producer, topic)
    return Measured(sent_ms, timestamp_ms, time.time_ns() // 1_000_000)


def _publish(producer: Producer, topic: str) -> int:
    """Return the broker's time of one more record."""
    acknowledged: list[int] = []

    def note(error: object, message: Message) -> None:
        if error is None:
            acknowledged.append(message.timestamp()[1])

    producer.produce(topic, None, KEY, on_delivery=note)
    producer.flush(TIMEOUT_S)
    if not acknowledged:
        raise DependencyError(DEPENDENCY, f"{topic} was not acknowledged in {TIMEOUT_S:g} s")
    return acknowledged[0]
