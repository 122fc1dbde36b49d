"""Reads record batches on which aiokafka's own parser fails, record by record, losing none.

aiokafka decodes header keys as UTF-8 and gives up on the whole fetch at the first that is not; it
then delivers nothing of the partition for ever. Here the same bytes are parsed again in Python:
good records keep their headers, a record with an unreadable header key comes out as an
`UnreadableRecord` without headers, a batch that cannot be unpacked as a single one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

BATCH_BYTES_KEPT: Final = 65_536
"""How much of a batch that cannot be unpacked is kept in its dead letter."""


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that must be buried: its key and value, and why nobody could read the rest."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    reason: str
    headers: tuple[tuple[str, bytes], ...] = ()


class SalvagingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # -- final to type checkers
    """A batch whose iteration replaces unreadable records instead of raising."""

    _pos: int

    def __iter__(self) -> Iterator[Any]:
        try:
            self._maybe_uncompress()
        except Exception as error:  # noqa: BLE001 -- whatever a codec raises on hostile bytes
            yield self._unreadable_batch(error)
            return
        for _ in range(self._num_records):
            yield self._next_record()

    def _next_record(self) -> Any:
        length, body = decode_varint(self._buffer, self._pos)
        end = body + length
        try:
            record = self._read_msg()
        except UnicodeDecodeError:
            record = self._read_without_headers(body)
        if end > len(self._buffer):
            raise CorruptRecordException("a record ends behind its batch")
        self._pos = end
        return record

    def _read_without_headers(self, position: int) -> UnreadableRecord:
        buffer = self._buffer
        _, position = decode_varint(buffer, position)  # attributes
        delta_ms, position = decode_varint(buffer, position)
        delta, position = decode_varint(buffer, position)
        key, position = _read_bytes(buffer, position)
        value, position = _read_bytes(buffer, position)
        by_broker = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if by_broker else self.first_timestamp + delta_ms
        return UnreadableRecord(
            self.base_offset + delta, timestamp, key, value, "a header key is not UTF-8"
        )

    def _unreadable_batch(self, error: Exception) -> UnreadableRecord:
        # At the last offset: wherever in the batch reading begins, this one is not skipped as old.
        return UnreadableRecord(
            self.next_offset - 1,
            self.max_timestamp,
            None,
            bytes(self._buffer[:BATCH_BYTES_KEPT]),
            f"the batch of offsets {self.base_offset} to {self.next_offset - 1} cannot be read: "
            f"{type(error).__name__}",
        )


def _read_bytes(buffer: Any, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    return bytes(buffer[position : position + length]), position + length


class SalvagingRecords:
    """The record batches of one fetch of one partition, read leniently."""

    def __init__(self, data: bytes) -> None:
        self._inner = _MemoryRecordsPy(data)

    def has_next(self) -> bool:
        return bool(self._inner.has_next())

    def next_batch(self) -> SalvagingBatch:
        piece = self._inner._next_slice  # noqa: SLF001 -- the bytes, before aiokafka parses them
        self._inner._cache_next()  # noqa: SLF001 -- as next_batch() does
        return SalvagingBatch(piece)
