"""Records of the results topic for tests of the sinks: judgments of which only the point is named."""

from collections.abc import Sequence
from typing import Any, Final

from schemas.identity import make_judgment_id
from stream.batch import Batch
from tests.support.builders import TIMESTAMP_MS, FakeRecord, make_judgment

RESULTS: Final = "judgify.results.v1"
REQUESTS: Final = "judgify.requests.v1"


def encode_judgment(request_id: str = "r-1", origin: int = 0, **fields: Any) -> bytes:
    """Return a judgment of the request that stands at offset `origin` of partition 0."""
    position = {
        "topic": REQUESTS,
        "partition": 0,
        "offset": origin,
        "timestamp": TIMESTAMP_MS + origin,
    }
    judgment = make_judgment(**{"request_id": request_id, "origin": position} | fields)
    return judgment.model_dump_json().encode()


def make_results(*values: bytes | None, partition: int = 0, first: int = 0) -> Batch:
    """Return consecutive records of the results topic; the first stands at offset `first`."""
    records = [FakeRecord(offset, value=value) for offset, value in enumerate(values, first)]
    return Batch(RESULTS, partition, records)


def judgment_id(request_id: str) -> str:
    """Return the id that `encode_judgment(request_id)` has."""
    return make_judgment_id("default", "milling", request_id)


def offsets(records: Sequence[Any]) -> list[int]:
    """Return the origin offsets of rows, sorted."""
    return sorted(record["origin_offset"] for record in records)
