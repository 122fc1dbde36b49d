"""Unpacking compressed batches, bounded: a few kilobytes must not become gigabytes in memory.

The broker unpacks what comes into the requests topic and bounds its real size. Where that setting
was changed, and on topics that we compress ourselves, this bound is what stands in the way.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import cramjam
from aiokafka.codec import _detect_xerial_stream

UNPACKED_BYTES_MAX: Final = 33_554_432
"""Of one batch: sixteen times the largest record."""
GZIP_MEMBERS_MAX: Final = 64
"""Of one batch; clients write one, and each further one costs a copy of what follows it."""
_FIRST_GUESS: Final = 65_536
_GUESS_FACTOR: Final = 8
_XERIAL_HEADER_BYTES: Final = 16

Buffer = bytes | bytearray | memoryview
Unpack = Callable[[Buffer, bytearray], int]


class BatchTooLargeError(ValueError):
    """A batch holds more than `UNPACKED_BYTES_MAX`, or cannot be unpacked at all."""


def gzip_decode(payload: Buffer) -> bytes:
    """Unpack a stream of one member or several, as Java and Python do."""
    unpacked, rest = bytearray(), bytes(payload)
    for _ in range(GZIP_MEMBERS_MAX):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        unpacked += unpacker.decompress(rest, UNPACKED_BYTES_MAX - len(unpacked) + 1)
        if len(unpacked) > UNPACKED_BYTES_MAX or unpacker.unconsumed_tail or not unpacker.eof:
            break
        rest = unpacker.unused_data
        if not rest:
            return bytes(unpacked)
    raise BatchTooLargeError("gzip")


def snappy_decode(payload: Buffer) -> bytes:
    unpacked = io.BytesIO()
    for block in _snappy_blocks(payload):
        left = UNPACKED_BYTES_MAX - unpacked.tell()
        unpacked.write(_unpack(cramjam.snappy.decompress_raw_into, block, left))
    return unpacked.getvalue()


def lz4_decode(payload: Buffer) -> bytes:
    return _unpack(cramjam.lz4.decompress_into, payload, UNPACKED_BYTES_MAX)


def zstd_decode(payload: Buffer) -> bytes:
    return _unpack(cramjam.zstd.decompress_into, payload, UNPACKED_BYTES_MAX)


def install(module: Any) -> None:
    """Put these in place of those that `module` of aiokafka unpacks batches with."""
    for decode in (gzip_decode, snappy_decode, lz4_decode, zstd_decode):
        setattr(module, decode.__name__, decode)


def _snappy_blocks(payload: Buffer) -> Iterator[Buffer]:
    """Yield the blocks of a stream as Java's library frames them, or the one block that it is."""
    if not _detect_xerial_stream(payload):
        yield payload
        return
    view, cursor = memoryview(payload), _XERIAL_HEADER_BYTES
    while cursor < len(view):
        (size,) = struct.unpack_from("!i", view, cursor)
        if size <= 0:
            raise BatchTooLargeError("snappy: a block of no size")
        yield view[cursor + 4 : cursor + 4 + size]
        cursor += 4 + size


def _unpack(unpack_into: Unpack, payload: Buffer, limit: int) -> bytes:
    """Return what `payload` holds, trying with larger and larger buffers up to `limit`."""
    size = min(limit, max(_FIRST_GUESS, _GUESS_FACTOR * len(payload)))
    while True:
        buffer = bytearray(size)
        try:
            count = unpack_into(payload, buffer)
        except cramjam.DecompressionError as error:
            if size >= limit:
                raise BatchTooLargeError(str(error)) from error
            size = min(limit, size * _GUESS_FACTOR)
        else:
            return bytes(memoryview(buffer)[:count])
