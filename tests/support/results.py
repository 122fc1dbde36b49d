"""Records of the results topic for tests of the sinks: judgments of which only the point is named."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.identity import make_judgment_id
from stream.batch import Batch
from tests.support.builders import TIMESTAMP_MS, FakeRecord, make_judgment

RESULTS: Final = "judgify.results.v1"
REQUESTS: Final = "judgify.requests.v1"


def encode_judgment(
    request_id: str = "r-1", origin: int | Mapping[str, Any] = 0, **fields: Any
) -> bytes:
    """Return a judgment of the request at `origin`: an offset of partition 0, or all of it."""
    position = make_origin(origin) if isinstance(origin, int) else origin
    judgment = make_judgment(**{"request_id": request_id, "origin": position} | fields)
    return judgment.model_dump_json().encode()


def make_origin(offset: int) -> dict[str, Any]:
    """Return the origin of the request at `offset` of partition 0."""
    return {
        "topic": REQUESTS,
        "partition": 0,
        "offset": offset,
        "timestamp": TIMESTAMP_MS + offset,
    }


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
