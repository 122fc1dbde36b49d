"""Laws of slices: quick ones grow, slow ones shrink, always within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.postgres.slices import PAUSE_S_MAX, ROWS_MAX, ROWS_MIN, TARGET_S, SliceSize


@given(st.lists(st.floats(min_value=0, max_value=60), max_size=50))
def test_a_slice_stays_within_its_bounds_whatever_it_takes(times_s: list[float]) -> None:
    size = SliceSize()

    for took_s in times_s:
        size.learn(took_s)

        assert ROWS_MIN <= size.rows <= ROWS_MAX
        assert 0 < size.pause_s(took_s) <= PAUSE_S_MAX


def test_a_slow_slice_makes_the_next_one_smaller_and_a_quick_one_larger() -> None:
    size = SliceSize(1_000)

    size.learn(TARGET_S * 1.1)
    after_slow = size.rows
    size.learn(TARGET_S / 3)

    assert (after_slow, size.rows) == (500, 1_000)


def test_a_pause_is_as_long_as_the_slice_was() -> None:
    assert SliceSize().pause_s(0.08) == 0.08
