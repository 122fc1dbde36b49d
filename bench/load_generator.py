"""Sends requests on a fixed schedule, whatever becomes of them: `python -m bench.load_generator`.

It prepares every phase, says `ready`, and starts each at the time that a line of its input names.

Request `n` is due at `start + n / rate`, by the machine's monotonic clock; who measures takes that
time, so a sender that is late makes a latency longer and never hides one.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from confluent_kafka import Producer

from bench.llm_load import make_mixed_requests
from bench.track import make_load
from topics.clients import open_producer

TICK_S: Final = 0.0005
FLUSH_TIMEOUT_S: Final = 10.0
PRODUCER: Final[dict[str, Any]] = {
    "linger.ms": 0,
    "compression.type": "none",
    "delivery.report.only.error": True,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to send how many."""

    tag: str
    """What the ids of the requests begin with."""
    per_second: int
    start_s: float
    """By the monotonic clock."""
    seconds: float

    @property
    def count(self) -> int:
        return int(self.per_second * self.seconds)

    def due_s(self, number: int) -> float:
        return self.start_s + number / self.per_second

    def due_count(self, now_s: float) -> int:
        """Return how many requests are due by `now_s`."""
        return max(0, min(self.count, math.floor((now_s - self.start_s) * self.per_second) + 1))

    def request_id(self, number: int) -> str:
        return f"{self.tag}-{number}"


def make_requests(schedule: Schedule) -> list[tuple[bytes, bytes]]:
    """Return key and value of each request, made before the first is due."""
    requests = []
    for number, (key, value) in enumerate(make_load(schedule.count).requests):
        fields = orjson.loads(value) | {"request_id": schedule.request_id(number)}
        requests.append((key, orjson.dumps(fields)))
    return requests


def send(
    producer: Producer, topic: str, schedule: Schedule, requests: Sequence[tuple[bytes, bytes]]
) -> float:
    """Send all requests, each as soon as it is due; return the longest delay, seconds."""
    sent, late_s_max = 0, 0.0
    while sent < schedule.count:
        now_s = time.monotonic()
        due = schedule.due_count(now_s)
        if due == sent:
            producer.poll(0)
            time.sleep(TICK_S)
            continue
        late_s_max = max(late_s_max, now_s - schedule.due_s(sent))
        for key, value in requests[sent:due]:
            producer.produce(topic, value, key)
        sent = due
    left = producer.flush(FLUSH_TIMEOUT_S)
    if left:
        raise SystemExit(f"{left} requests are not acknowledged")
    return late_s_max


def main() -> None:
    """Send what the command line says; print the longest delay of each phase in ms."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap", "topic", "tag"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rate", type=int, action="append", required=True, help="per phase")
    parser.add_argument("--seconds", type=float, required=True, help="of each phase")
    parser.add_argument("--open-share", type=float, help="of requests that no rule decides")
    it = parser.parse_args()
    schedules = [Schedule(f"{it.tag}-{rate}", rate, 0.0, it.seconds) for rate in it.rate]
    prepared = [
        make_requests(schedule)
        if it.open_share is None
        else make_mixed_requests(schedule.tag, schedule.count, it.open_share)
        for schedule in schedules
    ]
    producer = open_producer(it.bootstrap, **PRODUCER)
    producer.list_topics(it.topic)  # connected, and knows the leaders, before the first is due
    print("ready", flush=True)
    for schedule, requests in zip(schedules, prepared, strict=True):
        started = replace(schedule, start_s=float(input()))
        late_s = send(producer, it.topic, started, requests)
        print(round(late_s * 1_000, 1), flush=True)


if __name__ == "__main__":
    main()
