"""Portions: every record in one part, in order, and no part larger than it may be."""

from hypothesis import given
from hypothesis import strategies as st

from stream.attempts import CHUNK_RECORDS, Attempts
from stream.fetched import Fetched, size_of
from stream.ledger import Slice, TopicPartition
from stream.portions import first_of, split
from stream.salvage import UnreadableRecord
from tests.support.builders import FakeRecord
from tests.support.seams import REQUESTS

TP = TopicPartition(REQUESTS, 0)


@st.composite
def pieces(draw: st.DrawFn) -> Fetched:
    """A fetched slice with gaps, of which some records could not be read."""
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 50]), max_size=300))
    offsets = [sum(gaps[:count]) + 9 for count in range(1, len(gaps) + 1)]
    bad = draw(st.sets(st.sampled_from(offsets))) if offsets else set()
    records = [FakeRecord(it, it, value=b"x" * (it % 7)) for it in offsets if it not in bad]
    unreadable = [UnreadableRecord(it, it, None, b"v", "") for it in sorted(bad)]
    end = (offsets[-1] if offsets else 9) + draw(st.integers(1, 5))
    size_bytes = sum(map(size_of, [*records, *unreadable]))
    return Fetched(Slice(TP, 5, end, 1, len(offsets), size_bytes), [*records], unreadable)


@given(pieces(), st.booleans(), st.none() | st.integers(0, 1_000))
def test_the_parts_together_are_what_was_fetched(
    piece: Fetched, fine: bool, until: int | None
) -> None:
    attempts = Attempts(5, careful_until=until, fine=fine)
    most = 1 if fine else CHUNK_RECORDS

    parts = list(split(piece, attempts))

    assert [it.slice.start for it in parts] == [5, *[it.slice.end for it in parts[:-1]]]
    assert parts[-1].slice.end == piece.slice.end
    assert [it for part in parts for it in part.records] == piece.records
    assert [it for part in parts for it in part.unreadable] == piece.unreadable
    assert sum(part.slice.size_bytes for part in parts) == piece.slice.size_bytes
    for part in parts:
        offsets = sorted(it.offset for it in (*part.records, *part.unreadable))
        first = first_of(part)
        assert part.slice.records == len(offsets)
        assert all(part.slice.start <= offset < part.slice.end for offset in offsets)
        assert first is None or first.offset == offsets[0]
        assert len({attempts.suspects(offset) for offset in offsets}) < 2
        assert len(offsets) <= most or not attempts.suspects(offsets[0])


@given(pieces(), st.integers(0, 1_000))
def test_chunks_are_as_large_as_they_may_be(piece: Fetched, until: int) -> None:
    attempts = Attempts(5, careful_until=until)

    parts = [it for it in split(piece, attempts) if it.slice.records]
    suspected = [it for it in parts if attempts.suspects(first_of(it).offset)]  # type: ignore[union-attr]  # -- it has records

    assert all(part.slice.records == CHUNK_RECORDS for part in suspected[:-1])
