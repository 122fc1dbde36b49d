"""Law of the minute: no span of 60 s holds more than the limit, and room comes back when foretold."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.llm.limits.windows import SLOT_MS, WINDOW_MS, MinuteWindow, room_in_ms

LIMIT = 10


def admit(arrivals_ms: list[int], limit: int = LIMIT) -> list[int]:
    """Return the moments of the calls that a window lets through."""
    window, admitted = MinuteWindow(), []
    for now_ms in arrivals_ms:
        if window.totals(now_ms)[0] + 1 <= limit:
            window.add(1, 5, now_ms)
            admitted.append(now_ms)
    return admitted


@given(st.lists(st.integers(0, 300_000), max_size=200).map(sorted))
def test_no_span_of_a_minute_holds_more_than_the_limit(arrivals_ms: list[int]) -> None:
    admitted = admit(arrivals_ms)

    for first, last in zip(admitted, admitted[LIMIT:], strict=False):
        assert last - first > WINDOW_MS


def test_a_window_used_to_the_full_refills_within_one_slot_of_a_minute() -> None:
    admitted = admit(list(range(0, 200_000, 10)), limit=1)

    assert all(
        WINDOW_MS < later - sooner <= WINDOW_MS + SLOT_MS for sooner, later in pairwise(admitted)
    )
    assert len(admitted) == 4


@given(
    arrivals_ms=st.lists(st.integers(0, 60_000), min_size=1, max_size=20).map(sorted),
    needed=st.integers(1, LIMIT),
)
def test_there_is_room_when_it_was_foretold_and_not_a_slot_sooner(
    arrivals_ms: list[int], needed: int
) -> None:
    window = MinuteWindow()
    for at_ms in arrivals_ms[:LIMIT]:
        window.add(1, 0, at_ms)
    now_ms = 60_000
    used = window.totals(now_ms)[0]

    room_ms = room_in_ms(window.used(0), needed, LIMIT, now_ms)

    assert room_ms is not None
    if used + needed > LIMIT:
        before_ms = now_ms + room_ms - 1
        assert window.totals(before_ms)[0] + needed > LIMIT
    assert window.totals(now_ms + room_ms)[0] + needed <= LIMIT


def test_what_is_more_than_the_limit_never_has_room() -> None:
    assert room_in_ms([], LIMIT + 1, LIMIT, 0) is None


def test_a_correction_counts_in_its_slot_and_never_below_nothing() -> None:
    window = MinuteWindow()
    slot = window.add(1, 100, 0)
    window.add(1, 7, SLOT_MS)

    window.correct(slot, 0, -1_000)
    assert window.totals(SLOT_MS) == (2, 7)

    window.correct(slot, 0, 50)
    assert window.totals(SLOT_MS) == (2, 57)


def test_a_correction_of_what_has_left_changes_nothing() -> None:
    window = MinuteWindow()
    slot = window.add(1, 100, 0)
    later_ms = WINDOW_MS * 2
    window.add(1, 1, later_ms)

    window.correct(slot, 5, 5)

    assert window.totals(later_ms) == (1, 1)
    assert window.is_empty(later_ms + WINDOW_MS * 2)
