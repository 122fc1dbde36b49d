"""Results as rule-agent publishes them for the milling workflow, for measurements of the sink."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from schemas.identity import make_judgment_id

PARTITIONS: Final = 12
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


def make_results(rows: int, requests_topic: str) -> Iterator[tuple[int, bytes]]:
    """Yield (partition, judgment) for the milling workflow, ten requests per millisecond."""
    for number in range(rows):
        at = START + timedelta(milliseconds=number // 10)
        yield number % PARTITIONS, orjson.dumps(_make_judgment(number, at, requests_topic))


def _make_judgment(number: int, at: datetime, topic: str) -> dict[str, Any]:
    request_id = f"reading-{number:08d}"
    told = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    failed = number % 11 == 0
    return {
        "judgment_id": make_judgment_id("default", "milling", request_id),
        "request_id": request_id, "tenant": "default", "correlation_id": None,
        "submitted_by": None, "workflow_id": "milling", "workflow_version": "ab" * 32,
        "method": "rule", "status": "decided", "verdict": "fail" if failed else "ok",
        "confidence": 0.99 if failed else 0.95, "rule": "HDF" if failed else None,
        "reason": "heat dissipation" if failed else "no rule held",
        "input_data": {
            "UDI": number, "Product ID": f"M{number}", "Type": "LMH"[number % 3],
            "Air temperature [K]": 298.1 + number % 50 / 10, "Process temperature [K]": 308.6,
            "Rotational speed [rpm]": 1200 + number % 1600, "Torque [Nm]": 5 + number % 700 / 10,
            "Tool wear [min]": number % 250,
        },
        "unknown": [], "possible": [], "escalation": None, "degraded": False, "llm": None,
        "error": None, "test": False, "requested_at": told, "judged_at": told,
        "execution_time_ms": 4.25,
        "origin": {
            "topic": topic, "partition": number % PARTITIONS, "offset": number // PARTITIONS,
            "timestamp": int(at.timestamp() * 1_000),
        },
        "engine": "0.1.0",
    }  # fmt: skip
