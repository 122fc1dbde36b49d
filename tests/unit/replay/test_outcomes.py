"""Laws of outcomes: a stranger's record is none, neighbours join, latency is never negative."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.replay.outcomes import Position, join_ranges, parse_result
from tests.support.builders import make_judgment

RESULT = make_judgment().model_dump_json().encode()
POSITIONS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), unique=True)


def test_a_result_names_the_request_it_answers() -> None:
    parsed = parse_result(RESULT, timestamp_ms=1_750_000_000_025, partition=4, offset=7)

    assert parsed is not None
    topic, judged = parsed
    assert topic == "judgify.requests.v1"
    assert judged.request == Position(0, 0)
    assert (judged.latency_ms, judged.partition, judged.offset) == (25, 4, 7)


def test_clocks_of_two_brokers_give_no_negative_latency() -> None:
    parsed = parse_result(RESULT, timestamp_ms=0, partition=0, offset=0)

    assert parsed is not None
    assert parsed[1].latency_ms == 0


@pytest.mark.parametrize("value", [b"", b"not json", b"[]", b"null", b"{}", b'{"origin": 1}'])
def test_a_strangers_record_is_no_outcome(value: bytes) -> None:
    assert parse_result(value, timestamp_ms=0, partition=0, offset=0) is None


def test_a_result_without_its_origin_is_no_outcome() -> None:
    judgment = orjson.loads(RESULT)
    del judgment["origin"]

    assert parse_result(orjson.dumps(judgment), timestamp_ms=0, partition=0, offset=0) is None


@given(POSITIONS)
def test_ranges_cover_exactly_the_positions_and_never_touch(
    places: list[tuple[int, int]],
) -> None:
    positions = sorted(Position(*place) for place in places)

    ranges = list(join_ranges(positions))

    covered = [
        Position(partition, offset)
        for partition, first, last in ranges
        for offset in range(first, last + 1)
    ]
    assert covered == positions
    assert all(
        before[0] != after[0] or before[2] + 1 < after[1] for before, after in pairwise(ranges)
    )
