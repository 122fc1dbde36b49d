"""Builders: a valid message or record of which a test names only what it is about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.identity import make_judgment_id
from schemas.judgment import Judgment
from schemas.request import Request
from stream.batch import Batch

TIMESTAMP_MS: Final = 1_750_000_000_000
"""Broker time of every record that names no other: 2025-06-15T15:06:40.000Z."""


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """A record as the transport would hand it out; implements `stream.batch.Record`."""

    offset: int = 0
    timestamp: int = TIMESTAMP_MS
    key: bytes | None = b"machine-1"
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def make_request(**fields: Any) -> Request:
    """Return a request of `fields`; it names workflow `milling` and one reading by default."""
    defaults: dict[str, Any] = {"workflow_id": "milling", "input_data": {"rpm": 1500}}
    return Request.model_validate(defaults | fields)


def encode_request(**fields: Any) -> bytes:
    """Return the bytes of a request as a producer sends it; `fields` need not be valid."""
    defaults: dict[str, Any] = {"workflow_id": "milling", "input_data": {"rpm": 1500}}
    return json.dumps(defaults | fields).encode()


def make_record(value: bytes | None = None, offset: int = 0, **fields: Any) -> FakeRecord:
    """Return a record with `value`, by default a valid request."""
    return FakeRecord(offset, value=encode_request() if value is None else value, **fields)


def make_tombstone(offset: int = 0, **fields: Any) -> FakeRecord:
    """Return a record without a value."""
    return FakeRecord(offset, value=None, **fields)


def make_batch(
    values: Sequence[bytes], topic: str = "judgify.requests.v1", partition: int = 0, first: int = 0
) -> Batch:
    """Return consecutive records of one partition; the first stands at offset `first`."""
    records = [make_record(value, offset) for offset, value in enumerate(values, first)]
    return Batch(topic, partition, records)


def make_judgment(**fields: Any) -> Judgment:
    """Return a decided judgment; its id follows from tenant, workflow and request."""
    merged = dict(_JUDGMENT) | fields
    identity = (merged["tenant"], merged["workflow_id"], merged["request_id"])
    merged.setdefault("judgment_id", make_judgment_id(*identity))
    return Judgment.model_validate(merged)


_JUDGMENT: Final[Mapping[str, Any]] = {
    "request_id": "r-1",
    "tenant": "default",
    "correlation_id": None,
    "submitted_by": None,
    "workflow_id": "milling",
    "workflow_version": "0" * 64,
    "method": "rule",
    "status": "decided",
    "verdict": "fail",
    "confidence": 0.99,
    "rule": "HDF",
    "reason": "heat dissipation",
    "input_data": {"rpm": 1300},
    "unknown": [],
    "possible": [],
    "escalation": None,
    "degraded": False,
    "llm": None,
    "error": None,
    "test": False,
    "requested_at": "2025-06-15T15:06:40.000Z",
    "judged_at": "2025-06-15T15:06:40.005Z",
    "execution_time_ms": 5.0,
    "origin": {
        "topic": "judgify.requests.v1",
        "partition": 0,
        "offset": 0,
        "timestamp": TIMESTAMP_MS,
    },
    "engine": "0.1.0",
}
