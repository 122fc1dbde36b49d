"""Portions: what was fetched of a suspected partition, in the parts that are handed out together.

One record, or a chunk of them, while they are suspected; what lies behind is one part. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from stream.attempts import CHUNK_RECORDS, Attempts
from stream.batch import Record
from stream.fetched import Fetched, size_of


def split(piece: Fetched, attempts: Attempts) -> Iterator[Fetched]:
    """Yield `piece` in parts, in order; offsets without a record go to the part before them."""
    if not piece.slice.records:
        yield piece
        return
    offsets = sorted(record.offset for record in _records(piece))
    suspected = bisect_left(offsets, attempts.careful_until or 0)
    most = 1 if attempts.fine else CHUNK_RECORDS
    cuts = [offsets[index] for index in range(most, suspected, most)]
    cuts += offsets[suspected : suspected + 1] if suspected else []
    for start, end in pairwise([piece.slice.start, *cuts, piece.slice.end]):
        yield _cut(piece, start, end)


def first_of(piece: Fetched) -> Record | None:
    """Return the record of the lowest offset; None where there are markers alone."""
    return min((*piece.records[:1], *piece.unreadable[:1]), key=_offset_of, default=None)


def _cut(piece: Fetched, start: int, end: int) -> Fetched:
    records, unreadable = piece.records, piece.unreadable
    part = Fetched(
        piece.slice,
        records[_find(records, start) : _find(records, end)],
        unreadable[_find(unreadable, start) : _find(unreadable, end)],
    )
    everything, first = _records(part), first_of(part)
    cut = piece.slice._replace(
        start=start,
        end=end,
        records=len(everything),
        size_bytes=sum(map(size_of, everything)),
        oldest_timestamp_ms=first.timestamp if first else None,
    )
    return part._replace(slice=cut)


def _records(piece: Fetched) -> list[Record]:
    return [*piece.records, *piece.unreadable]


def _find(records: Sequence[Record], offset: int) -> int:
    return bisect_left(records, offset, key=_offset_of)


def _offset_of(record: Record) -> int:
    return record.offset
