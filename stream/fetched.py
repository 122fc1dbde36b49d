"""What one fetch brought of one partition."""

from typing import Any, NamedTuple

from stream.batch import Record
from stream.ledger import Slice
from stream.salvage import UnreadableRecord


class Fetched(NamedTuple):
    """One slice: where it lies, its readable records, and those nobody could read."""

    slice: Slice
    records: list[Record]
    unreadable: list[UnreadableRecord]


def size_of(record: Any) -> int:
    """Return the bytes of key, value and headers."""
    size_bytes = len(record.value or b"") + len(record.key or b"")
    if record.headers:
        size_bytes += sum(len(name) + len(value or b"") for name, value in record.headers)
    return size_bytes
