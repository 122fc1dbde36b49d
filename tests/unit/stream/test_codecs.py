"""Batches are unpacked up to a bound, whatever they claim or hold."""

import resource
import struct
import sys
import zlib
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import codecs
from stream.codecs import UNPACKED_BYTES_MAX, BatchTooLargeError
from stream.internals import install


def snappy_raw(payload: bytes) -> bytes:
    return bytes(codec.snappy_encode(payload, xerial_compatible=False))


CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (codec.gzip_encode, codecs.gzip_decode),
    "snappy": (codec.snappy_encode, codecs.snappy_decode),
    "snappy-raw": (snappy_raw, codecs.snappy_decode),
    "lz4": (codec.lz4_encode, codecs.lz4_decode),
    "zstd": (codec.zstd_encode, codecs.zstd_decode),
}


@pytest.mark.parametrize("name", CODECS)
@given(seed=st.binary(min_size=1, max_size=200), times=st.integers(1, 5_000))
@settings(max_examples=15)
def test_what_was_packed_is_unpacked(name: str, seed: bytes, times: int) -> None:
    encode, decode = CODECS[name]
    payload = seed * times

    assert decode(encode(payload)) == payload


def test_a_gzip_stream_may_have_several_members_but_not_any_number() -> None:
    member = codec.gzip_encode(b"abc")

    assert codecs.gzip_decode(member * 5) == b"abc" * 5
    with pytest.raises(BatchTooLargeError):
        codecs.gzip_decode(member * (codecs.GZIP_MEMBERS_MAX + 1))
    with pytest.raises(BatchTooLargeError):
        codecs.gzip_decode(member + codec.gzip_encode(bytes(UNPACKED_BYTES_MAX)))


@pytest.mark.parametrize("name", CODECS)
def test_the_bound_is_kept_to_the_byte(name: str) -> None:
    encode, decode = CODECS[name]

    assert len(decode(encode(bytes(UNPACKED_BYTES_MAX)))) == UNPACKED_BYTES_MAX
    with pytest.raises(BatchTooLargeError):
        decode(encode(bytes(UNPACKED_BYTES_MAX + 1)))


@pytest.mark.parametrize("name", CODECS)
@given(payload=st.binary(max_size=300))
@settings(max_examples=15)
def test_what_was_never_packed_is_refused_or_something_small(name: str, payload: bytes) -> None:
    _, decode = CODECS[name]
    try:
        unpacked = decode(payload)
    except (BatchTooLargeError, zlib.error, struct.error):
        return
    assert len(unpacked) <= UNPACKED_BYTES_MAX


def test_a_bomb_costs_no_more_than_the_bound() -> None:
    packer = cramjam.zstd.Compressor()
    for _ in range(1_000):
        packer.compress(bytes(1_000_000))
    bomb = bytes(packer.finish())
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(BatchTooLargeError):
        codecs.zstd_decode(bomb)

    assert len(bomb) < 100_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown < 4 * UNPACKED_BYTES_MAX / 1_024


def test_both_readers_of_batches_unpack_with_these() -> None:
    install()

    for reader in (DefaultRecordBatch, _DefaultRecordBatchPy):
        module = sys.modules[reader.__module__]
        assert module.__dict__["zstd_decode"] is codecs.zstd_decode
