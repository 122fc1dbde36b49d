"""What the commits tell from owner to owner: deaths at one offset, the record that caused them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.attempts import DEATHS_MARKED_MAX, DEATHS_MAX, Attempts, parse_attempts

END, SPAN = 1_000, 100


def die(attempts: Attempts, times: int = 1) -> Attempts:
    """Return what the owner finds and writes after so many owners died at the same offset."""
    for _ in range(times):
        attempts = parse_attempts(attempts.at, attempts.encode()).taken(END, SPAN)
    return attempts


def test_a_fresh_partition_is_worked_at_without_suspicion() -> None:
    attempts = parse_attempts(5, "").taken(END, SPAN)

    assert attempts.encode() == "judgify working"
    assert not attempts.careful
    assert attempts.culprit is None


def test_owners_that_leave_in_good_order_are_never_counted() -> None:
    attempts = Attempts(5)
    for _ in range(20):
        attempts = parse_attempts(5, attempts.taken(END, SPAN).left().encode())

    assert attempts.encode() == ""


def test_deaths_at_one_offset_make_the_next_owner_careful() -> None:
    first = Attempts(5).taken(END, SPAN)

    assert [die(first, times).careful for times in range(DEATHS_MAX + 1)] == [
        *[False] * DEATHS_MAX,
        True,
    ]


def test_who_leaves_in_good_order_hides_no_death_before() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX - 1)

    handed_over = parse_attempts(5, attempts.left().encode()).taken(END, SPAN)

    assert die(handed_over).careful


def test_progress_forgives_every_death() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX - 1).reached(6)

    assert attempts.encode() == "judgify working"


def test_care_is_taken_of_what_can_have_been_handed_out_and_no_longer() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX)

    assert attempts.reached(5 + SPAN - 1).careful
    assert not attempts.reached(5 + SPAN).careful


def test_what_came_after_the_last_death_is_not_suspected() -> None:
    attempts = die(Attempts(END - 10).taken(END, SPAN), DEATHS_MAX)

    assert attempts.careful_until == END


def test_a_partition_without_records_cannot_have_ended_anybody() -> None:
    assert die(Attempts(END).taken(END, SPAN), 20).encode() == "judgify working"


def test_the_record_that_was_marked_at_every_death_is_the_culprit() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX)
    attempts = attempts.marking(5).reached(6).marking(7)

    assert [die(attempts, times).culprit for times in range(DEATHS_MARKED_MAX + 1)] == [
        *[None] * DEATHS_MARKED_MAX,
        7,
    ]


def test_one_good_pass_clears_the_record_that_was_marked() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX).marking(5)
    attempts = die(attempts, DEATHS_MARKED_MAX - 1)

    passed = die(attempts.reached(6), 1)

    assert passed.culprit is None
    assert passed.deaths_marked is None


def test_another_record_that_is_marked_starts_at_none() -> None:
    attempts = die(die(Attempts(5).taken(END, SPAN), DEATHS_MAX).marking(5))

    assert die(attempts.marking(6)).culprit is None


def test_a_culprit_stays_one_however_often_owners_come_and_go() -> None:
    attempts = die(Attempts(5).taken(END, SPAN), DEATHS_MAX).marking(5)
    attempts = die(attempts, DEATHS_MARKED_MAX)

    for _ in range(20):
        attempts = parse_attempts(5, attempts.survived().left().encode()).taken(END, SPAN)

    assert attempts.culprit == 5
    assert attempts.reached(6).culprit is None


def test_what_a_dependency_stopped_ended_nobody() -> None:
    attempts = Attempts(5).taken(END, SPAN)
    for _ in range(20):
        attempts = die(attempts.survived())

    assert not attempts.careful
    assert attempts.culprit is None


@given(
    st.builds(
        Attempts,
        st.just(5),
        working=st.booleans(),
        deaths=st.none() | st.integers(0, 10**18),
        careful_until=st.none() | st.integers(0, 10**18),
        marked=st.none() | st.integers(0, 10**18),
        deaths_marked=st.none() | st.integers(0, 10**18),
    )
)
def test_what_is_written_is_read_back(attempts: Attempts) -> None:
    if attempts != Attempts(5):
        assert parse_attempts(5, attempts.encode()) == attempts


@given(st.text())
@pytest.mark.parametrize("prefix", ["", "judgify ", "judgify working marked="])
def test_whatever_somebody_else_wrote_is_read_without_an_error(prefix: str, text: str) -> None:
    found = parse_attempts(5, prefix + text)

    assert found.at == 5
    assert found.marked is None or found.marked >= 0


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(20)])
def test_only_the_record_that_ends_processes_is_ever_held(seed: int) -> None:
    """Owners die at a killing record and, now and then, by force; innocents are never held."""
    print("seed", seed)
    random_ = random.Random(seed)
    killer, end, forced = random_.randrange(60), 60, 0
    attempts = Attempts(0)
    for _ in range(2_000):
        attempts = parse_attempts(attempts.at, attempts.encode()).taken(end, 40)
        forced_at = random_.randrange(200) if random_.random() < 0.3 else None
        while attempts.at < end:
            assert attempts.culprit in {None, killer}
            if attempts.culprit == attempts.at:
                return
            if attempts.careful:
                attempts = attempts.marking(attempts.at)
                handed = 1
            else:
                handed = min(random_.randint(1, 40), end - attempts.at)
            if attempts.at <= killer < attempts.at + handed:
                break
            forced += 1
            if forced_at is not None and forced % 200 == forced_at:
                break
            attempts = attempts.reached(attempts.at + handed)
    pytest.fail("the killing record was never found")
