"""The places inside aiokafka that the seam replaces, and a check that they are where we think.

Everything here leans on private names of pinned versions; tests/contract/test_stream_internals.py
fails when they move.
"""

import sys
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from stream import codecs
from stream.salvage import SalvagingRecords


class KeptRecords(MemoryRecords):  # type: ignore[misc]  # -- final to type checkers, a compiled class
    """Record batches that keep the bytes they were made of, so that they can be read again."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class LightPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # -- untyped
    """Hands out aiokafka's own compiled records instead of copying each into a ConsumerRecord."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arguments = (args, options)
        self._aborted_at_start = list(self._aborted_transactions)

    def __iter__(self) -> Iterator[Any]:
        """Return the generator itself: aiokafka would call it through `__next__`."""
        return self._records_iterator  # type: ignore[no-any-return]  # -- untyped

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        del tp
        return record

    def salvage(self, start: int) -> "LightPartitionRecords":
        """Return a reader of the same bytes, from offset `start`, that replaces the unreadable."""
        args, options = self._arguments
        tp, records, _, _, *rest = args
        data = SalvagingRecords(records.data)
        return LightPartitionRecords(tp, data, self._aborted_at_start, start, *rest, **options)


def install() -> None:
    """Put our readers in place of aiokafka's, for this process."""
    for reader in (DefaultRecordBatch, _DefaultRecordBatchPy):
        codecs.install(sys.modules[reader.__module__])
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = LightPartitionRecords
