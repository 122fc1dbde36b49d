"""Batches on which the compiled parser fails lose nothing but what is unreadable."""

import struct
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from stream.internals import KeptRecords, LightPartitionRecords
from stream.salvage import UnreadableRecord

MARK = b"zz"
"""Header key that `damage` makes unreadable."""


def build(values: list[bytes], bad: set[int], *, base_offset: int = 0, codec: int = 0) -> bytes:
    """Return a batch of records with a header each; those in `bad` have an unreadable key."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=100_000,
    )
    for number, value in enumerate(values):
        key = MARK.decode() if number in bad else "aa"
        builder.append(number, timestamp=1_000, key=b"k", value=value, headers=[(key, b"1")])
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, base_offset)
    return seal(raw.replace(MARK, b"\xff\xfe"))


def seal(raw: bytearray) -> bytes:
    """Return the batch with the checksum that belongs to its bytes."""
    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
    return bytes(raw)


def spoil(data: bytes, position: int, *new: int) -> bytes:
    """Return the batch with other bytes at `position`, under a checksum that fits them."""
    raw = bytearray(data)
    raw[position : position + len(new)] = bytes(new)
    return seal(raw)


def read(data: bytes, start: int = 0) -> LightPartitionRecords:
    records = KeptRecords(data)
    return LightPartitionRecords(TopicPartition("t", 0), records, None, start, None, None, True, 1)


def salvage(data: bytes, start: int = 0) -> tuple[list[Any], LightPartitionRecords]:
    reader = read(data, start).salvage(start)
    return list(reader), reader


def test_the_compiled_parser_fails_on_such_a_key() -> None:
    """If this ever passes, salvage is not needed any more."""
    with pytest.raises(UnicodeDecodeError):
        list(read(build([b"a", b"b"], {1})))


@pytest.mark.parametrize("position", range(3))
def test_one_unreadable_header_key_costs_one_record_at_every_position(position: int) -> None:
    data = build([b"a", b"b", b"c"], {position})

    records, reader = salvage(data)

    kinds = [isinstance(record, UnreadableRecord) for record in records]
    assert kinds == [number == position for number in range(3)]
    assert [record.value for record in records] == [b"a", b"b", b"c"]
    assert [record.offset for record in records] == [0, 1, 2]
    good = [record for record in records if not isinstance(record, UnreadableRecord)]
    assert all(list(record.headers) == [("aa", b"1")] for record in good)
    assert reader.next_fetch_offset == 3


def test_what_was_read_before_is_not_read_again() -> None:
    records, _ = salvage(build([b"a", b"b", b"c"], {0}), start=1)

    assert [record.value for record in records] == [b"b", b"c"]


def test_the_batches_behind_a_damaged_one_are_read() -> None:
    data = build([b"a", b"b"], {0}) + build([b"c", b"d"], set(), base_offset=2)

    records, reader = salvage(data)

    assert [record.value for record in records] == [b"a", b"b", b"c", b"d"]
    assert reader.next_fetch_offset == 4


def test_a_batch_that_cannot_be_unpacked_is_one_unreadable_record_at_its_last_offset() -> None:
    raw = bytearray(build([b"a" * 500, b"b" * 500], set(), codec=1))
    raw[70:90] = b"\x00" * 20
    data = seal(raw) + build([b"c"], set(), base_offset=2)

    [lost, good], reader = salvage(data)

    assert isinstance(lost, UnreadableRecord)
    assert lost.offset == 1
    assert "offsets 0 to 1 cannot be read from 0 on" in lost.reason
    assert good.value == b"c"
    assert reader.next_fetch_offset == 3


def test_a_damaged_checksum_is_an_error_of_the_broker_and_nothing_is_buried() -> None:
    data = bytearray(build([b"a", b"b"], {1}))
    data[-1] ^= 0xFF

    with pytest.raises(CorruptRecordException):
        salvage(bytes(data))


COUNT_AT, RECORDS_AT = 57, 61
RECORD_BYTES = 14
"""Of each record that `build` makes of one letter: length, attributes, two deltas, key, value, a
header of three bytes."""


def test_a_record_with_impossible_headers_is_buried_alone() -> None:
    data = build([b"a", b"b", b"c"], set())
    headers_at = RECORDS_AT + RECORD_BYTES + 8

    records, reader = salvage(spoil(data, headers_at, 0x7F))

    assert data[headers_at] == 2  # one header, as a signed number of variable length
    assert [isinstance(record, UnreadableRecord) for record in records] == [False, True, False]
    assert [(it.offset, it.key, it.value) for it in records] == [
        (number, b"k", value) for number, value in enumerate((b"a", b"b", b"c"))
    ]
    assert reader.next_fetch_offset == 3


@pytest.mark.parametrize(
    ("position", "byte"),
    [
        pytest.param(RECORDS_AT + RECORD_BYTES, 0x7E, id="it ends behind its batch"),
        pytest.param(RECORDS_AT + RECORD_BYTES, 0x03, id="its length is negative"),
        pytest.param(RECORDS_AT + RECORD_BYTES + 3, 0x00, id="its offset came before"),
        pytest.param(RECORDS_AT + RECORD_BYTES + 3, 0x0C, id="its offset lies behind the batch"),
        pytest.param(RECORDS_AT + RECORD_BYTES + 4, 0x7E, id="its key ends behind it"),
        pytest.param(COUNT_AT + 3, 1, id="there are more bytes than records"),
        pytest.param(COUNT_AT, 0xFF, id="there is a negative number of records"),
        pytest.param(COUNT_AT, 0x7F, id="there are fewer bytes than records"),
    ],
)
def test_what_cannot_be_told_apart_is_buried_as_one_and_what_came_before_is_kept(
    position: int, byte: int
) -> None:
    data = spoil(build([b"a", b"b", b"c"], set()), position, byte)

    records, reader = salvage(data + build([b"d"], set(), base_offset=3))

    *kept, after = records
    good = [record.value for record in kept if not isinstance(record, UnreadableRecord)]
    assert good == [b"a", b"b", b"c"][: len(good)]
    assert len(kept) - len(good) <= 1
    assert kept[-1].offset == 2
    assert (after.offset, after.value) == (3, b"d")
    assert reader.next_fetch_offset == 4


@given(st.data(), st.integers(0, 4))
def test_whatever_lies_behind_a_sound_checksum_is_read_to_its_end(
    data: st.DataObject, codec: int
) -> None:
    raw = build([b"%d" % number * 9 for number in range(6)], {3}, codec=codec)
    position = data.draw(st.integers(COUNT_AT, len(raw) - 1))
    new = data.draw(st.binary(min_size=1, max_size=6))[: len(raw) - position]

    records, reader = salvage(spoil(raw, position, *new) + build([b"after"], set(), base_offset=6))

    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))
    assert offsets[-2:] == [5, 6]
    assert records[-1].value == b"after"
    assert reader.next_fetch_offset == 7


@pytest.mark.parametrize("length", [0, 20, 40])
def test_a_batch_that_is_no_batch_is_an_error_of_the_broker(length: int) -> None:
    whole = build([b"a"], set())
    cut = bytearray(whole[: 12 + length] + bytes(60))
    struct.pack_into(">i", cut, 8, length)

    with pytest.raises(CorruptRecordException):
        salvage(bytes(cut))
