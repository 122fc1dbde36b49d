"""Taking rows for new: seldom wrong for long, never given up."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.postgres.optimism import CAREFUL_MAX, Optimism


def write(optimism: Optimism, *, repeats: bool) -> bool:
    """Write once as the sink does; return whether a COPY was wasted."""
    if optimism.holds:
        if not repeats:
            optimism.note_success()
            return False
        optimism.note_collision()
        optimism.note_careful(repeats=True)
        return True
    optimism.note_careful(repeats=repeats)
    return False


def test_a_sink_begins_in_hope_and_keeps_it_while_all_is_new() -> None:
    optimism = Optimism()

    assert not any(write(optimism, repeats=False) for _ in range(10))
    assert optimism.holds


def test_where_every_write_repeats_something_one_copy_alone_is_wasted() -> None:
    optimism = Optimism()

    assert [write(optimism, repeats=True) for _ in range(200)].count(True) == 1


@given(st.lists(st.booleans(), max_size=300))
def test_hope_returns_after_a_bounded_number_of_clean_writes(history: list[bool]) -> None:
    optimism = Optimism()
    for repeats in history:
        write(optimism, repeats=repeats)

    for _ in range(CAREFUL_MAX):
        write(optimism, repeats=False)

    assert optimism.holds


def test_repeats_that_come_whenever_hope_is_back_waste_ever_fewer_copies() -> None:
    optimism = Optimism()

    wasted = [write(optimism, repeats=optimism.holds) for _ in range(CAREFUL_MAX * 20)]

    assert 0 < wasted[-CAREFUL_MAX * 10 :].count(True) <= 10
