"""Reads record batches on which aiokafka's own parser fails, record by record, losing none.

aiokafka decodes header keys as UTF-8 and gives up on the whole fetch at the first that is not; it
then delivers nothing of the partition for ever. Here the same bytes are parsed again in Python:
good records keep their headers, a record that cannot be read comes out as an `UnreadableRecord`
without headers, what cannot be told apart of a batch as a single one. Whatever a batch holds, it is
read to its end, provided that its checksum is right; what was damaged on the way is fetched again.
Numbers are read in Python, too: the compiled reader looks behind the end of the bytes (a segfault).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py as decode_varint

BATCH_BYTES_KEPT: Final = 65_536
"""How much of a batch that cannot be unpacked is kept in its dead letter."""
MAGIC_AT: Final = 16
MAGIC: Final = 2
"""Where a batch says which format it has, and the only one of them since Kafka 0.11."""

Decode = Callable[[Any, int], tuple[int, int]]


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
        unread, start = self.base_offset, 0
        try:
            self._maybe_uncompress()
            for _ in range(self._num_records):
                start = self._pos
                record = self._next_record(unread)
                yield record
                unread = record.offset + 1
            start = self._pos
            self._check_end()
        except Exception as error:  # noqa: BLE001 -- whatever codecs and parsers raise on hostile bytes
            yield self._bury_rest(unread, start, error)

    def _check_end(self) -> None:
        if self._pos < len(self._buffer):
            raise CorruptRecordException("there is something behind the last record")

    def _read_msg(self, decode: Decode = decode_varint) -> Any:
        return super()._read_msg(decode)

    def _next_record(self, unread: int) -> Any:
        length, body = decode_varint(self._buffer, self._pos)
        end = body + length
        if not body < end <= len(self._buffer):
            raise CorruptRecordException("a record ends behind its batch")
        try:
            record = self._read_msg()
        except UnicodeDecodeError:
            record = self._read_without_headers(body, end, "a header key is not UTF-8")
        except Exception as error:  # noqa: BLE001 -- as above
            reason = f"its headers cannot be read: {type(error).__name__}"
            record = self._read_without_headers(body, end, reason)
        if not unread <= record.offset < self.next_offset:
            raise CorruptRecordException("a record has the offset of another")
        self._pos = end
        return record

    def _read_without_headers(self, position: int, end: int, reason: str) -> UnreadableRecord:
        buffer = self._buffer
        _, position = decode_varint(buffer, position)  # attributes
        delta_ms, position = decode_varint(buffer, position)
        delta, position = decode_varint(buffer, position)
        key, position = _read_bytes(buffer, position)
        value, position = _read_bytes(buffer, position)
        if position > end:
            raise CorruptRecordException("a record is longer than it says")
        by_broker = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if by_broker else self.first_timestamp + delta_ms
        return UnreadableRecord(self.base_offset + delta, timestamp, key, value, reason)

    def _bury_rest(self, unread: int, start: int, error: Exception) -> UnreadableRecord:
        # At the last offset: wherever in the batch reading begins, this one is not skipped as old.
        # Where everything was read before, it is: nothing is missing then.
        last = self.next_offset - 1
        return UnreadableRecord(
            last,
            self.max_timestamp,
            None,
            bytes(self._buffer[start : start + BATCH_BYTES_KEPT]),
            f"the batch of offsets {self.base_offset} to {last} cannot be read from {unread} on: "
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
        if len(piece) < SalvagingBatch.HEADER_STRUCT.size or piece[MAGIC_AT] != MAGIC:
            raise CorruptRecordException("no batch of a format that brokers keep")
        self._inner._cache_next()  # noqa: SLF001 -- as next_batch() does
        return SalvagingBatch(piece)
