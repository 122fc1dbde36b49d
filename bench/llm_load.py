"""Events that no rule of the example decides, each another one: as requests and as escalations."""

import time
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from agents.rule import RuleAgent, Topics
from bench.peers.judging import Known, Record, open_book
from judgify.demo.milling import load_example
from runtime.clock import BrokerClock, SystemClock
from stream.batch import Batch

READINGS: Final = 10_000
"""Readings of the example to draw from; about six in a hundred are for the LLM."""
Pair = tuple[bytes, bytes]
"""Key and value of a record."""


class _Readings(NamedTuple):
    decided: Sequence[dict[str, Any]]
    left_open: Sequence[dict[str, Any]]


def is_open(number: int, share: float) -> bool:
    """Say whether the request of this number is one of the `share` that no rule decides.

    They are spread evenly: an escalation here, an escalation there.
    """
    return int((number + 1) * share) > int(number * share)


def make_mixed_requests(tag: str, count: int, open_share: float) -> list[Pair]:
    """Return requests with ids `tag-0`, `tag-1`, …; no two are about the same machine.

    So no two questions to the LLM are equal, and no cache can answer one.
    """
    readings = _load_readings()
    requests = []
    for number in range(count):
        rows = readings.left_open if is_open(number, open_share) else readings.decided
        name = f"{tag}-{number}"
        event = rows[number % len(rows)] | {"Product ID": name}
        fields = {"workflow_id": "milling", "request_id": name, "input_data": event}
        requests.append((name.encode(), orjson.dumps(fields)))
    return requests


def make_escalations(workflow: Path, tag: str, count: int) -> list[Pair]:
    """Return what rule-agent writes of `count` requests that no rule decides, as of now."""
    known = Known(open_book(workflow), llm_enabled=True)
    topics = Topics("results", "escalations")
    agent = RuleAgent(topics, known, BrokerClock(SystemClock()), version("judgify"))
    now_ms = time.time_ns() // 1_000_000
    records = [
        Record(offset, now_ms, key, value, ())
        for offset, (key, value) in enumerate(make_mixed_requests(tag, count, 1.0))
    ]
    decide = agent.open_batch(Batch("requests", 0, records)).decide
    outputs = [decide(record) for record in records]
    return [(it.key or b"", it.value or b"") for it in outputs if it.topic == topics.escalations]


@lru_cache(1)
def _load_readings() -> _Readings:
    decided: list[dict[str, Any]] = []
    left_open: list[dict[str, Any]] = []
    for reading in load_example(READINGS).readings:
        row = {name: cell for name, cell in reading.row.items() if name != "UDI"}
        (decided if reading.verdict else left_open).append(row)
    return _Readings(decided, left_open)
