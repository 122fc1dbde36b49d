"""Record batches as a broker sends them, some of them unreadable to aiokafka."""

import struct
from collections.abc import Collection, Sequence
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

_MARK: Final = "zz"
"""Header key that is replaced by bytes which are not UTF-8."""


def build_batch(values: Sequence[bytes], unreadable: Collection[int] = ()) -> bytes:
    """Return a batch of records from offset 0, key `k`; those in `unreadable` have a bad header."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=100_000,
    )
    for number, value in enumerate(values):
        name = _MARK if number in unreadable else "aa"
        builder.append(number, timestamp=1_000, key=b"k", value=value, headers=[(name, b"1")])
    raw = bytearray(builder.build()).replace(_MARK.encode(), b"\xff\xfe")
    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
    return bytes(raw)
