"""What the commits tell from owner to owner: deaths at one offset, the record that caused them."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.attempts import (
    CHUNK_RECORDS,
    DEATHS_MARKED_MAX,
    DEATHS_MAX,
    Attempts,
    parse_attempts,
)

END, SPAN = 1_000, 500


def suspected() -> Attempts:
    """Return what is known after so many deaths that care is taken, from offset 5 on."""
    return die(Attempts(5).taken(END, SPAN), DEATHS_MAX)


def suspected_alone() -> Attempts:
    """Return what is known after a death of the chunk at offset 5 as well."""
    return die(suspected().marking(5, 105))


def die_alone(attempts: Attempts, offset: int, times: int = 1) -> Attempts:
    """Return what is known after so many owners died with the record at `offset` marked."""
    for _ in range(times):
        attempts = die(attempts.marking(offset, offset + 1))
    return attempts


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


def test_many_suspects_are_handed_out_in_chunks_and_few_one_by_one() -> None:
    few = die(Attempts(END - CHUNK_RECORDS).taken(END, SPAN), DEATHS_MAX)

    assert suspected().marking(5, 105).encode() == (
        "judgify working deaths=3 careful_until=505 marked=5 marked_until=105"
    )
    assert few.marking(few.at, few.at + 1).encode() == (
        f"judgify working fine deaths=3 careful_until={END} marked={few.at}"
    )


def test_only_the_chunk_that_was_marked_at_a_death_is_suspected_then() -> None:
    attempts = suspected().marking(5, 105).reached(105).marking(105, 205)

    narrowed = die(attempts)

    assert (narrowed.careful_until, narrowed.fine) == (205, True)
    assert narrowed.culprit is None
    assert not narrowed.reached(205).careful
    assert not narrowed.reached(205).fine


def test_a_chunk_of_which_some_is_done_stays_marked() -> None:
    attempts = suspected().marking(5, 105).reached(50)

    assert die(attempts).careful_until == 105
    assert attempts.reached(105).marked is None


def test_a_chunk_is_never_a_culprit_however_often_owners_die_of_it() -> None:
    attempts = suspected()
    for _ in range(20):
        attempts = die(replace(attempts, fine=False).marking(5, 105))

        assert attempts.culprit is None


@pytest.mark.parametrize("end_well", [Attempts.left, Attempts.survived])
def test_who_ends_well_or_waits_for_a_dependency_narrows_nothing(
    end_well: Callable[[Attempts], Attempts],
) -> None:
    ended = end_well(suspected().marking(5, 105))

    taken = die(ended)

    assert "marked" not in ended.encode()
    assert (taken.careful_until, taken.fine) == (505, False)


def test_what_is_not_suspected_is_not_marked() -> None:
    assert suspected().marking(505, 605).marked is None
    assert Attempts(5).marking(5, 105).marked is None


def test_the_record_that_was_alone_at_every_death_is_the_culprit() -> None:
    attempts = suspected_alone().marking(5, 6).reached(6)

    assert [die_alone(attempts, 7, times).culprit for times in range(DEATHS_MARKED_MAX + 1)] == [
        *[None] * DEATHS_MARKED_MAX,
        7,
    ]


def test_one_good_pass_clears_the_record_that_was_alone() -> None:
    attempts = die_alone(suspected_alone(), 5, DEATHS_MARKED_MAX - 1)

    passed = die_alone(attempts.reached(6), 6)

    assert passed.culprit is None
    assert (passed.died_of, passed.deaths_marked) == (6, 1)


def test_another_record_that_is_alone_starts_at_none() -> None:
    attempts = die_alone(suspected_alone(), 5, DEATHS_MARKED_MAX - 1)

    assert die_alone(attempts, 6).culprit is None


def test_a_record_that_is_not_handed_out_again_ended_nobody() -> None:
    attempts = die_alone(suspected_alone(), 5, DEATHS_MARKED_MAX - 1)

    assert die(attempts, 20).culprit is None


def test_a_culprit_stays_one_however_often_owners_come_and_go() -> None:
    attempts = die_alone(suspected_alone(), 5, DEATHS_MARKED_MAX)

    for _ in range(20):
        attempts = parse_attempts(5, attempts.survived().left().encode()).taken(END, SPAN)

    assert die(attempts, 20).culprit == 5
    assert attempts.reached(6).culprit is None


def test_what_a_dependency_stopped_ended_nobody() -> None:
    attempts = Attempts(5).taken(END, SPAN)
    for _ in range(20):
        attempts = die(attempts.survived())

    assert not attempts.careful
    assert attempts.culprit is None


offsets = st.none() | st.integers(0, 10**18)
anything = st.builds(
    Attempts,
    st.just(5),
    working=st.booleans(),
    deaths=offsets,
    careful_until=offsets,
    fine=st.booleans(),
    marked=offsets,
    marked_until=offsets,
    died_of=offsets,
    deaths_marked=offsets,
)


@given(anything)
def test_what_is_written_is_read_back_but_for_what_makes_no_sense(attempts: Attempts) -> None:
    read = parse_attempts(5, attempts.encode())

    assert parse_attempts(5, read.encode()) == read
    assert (read.working, read.deaths) == (attempts.working, attempts.deaths)
    assert read.suspects(5) == read.careful
    assert read.careful or (not read.fine and read.marked is None)
    for offset in (read.marked, read.died_of):
        assert offset is None or read.suspects(offset)
    if None not in {read.marked, read.marked_until}:
        assert read.marked < read.marked_until  # type: ignore[operator]  # -- neither is None


@given(anything)
def test_whatever_was_told_owners_that_make_progress_are_trusted_again(attempts: Attempts) -> None:
    taken = parse_attempts(5, attempts.encode()).taken(END, SPAN).marking(5, 6)

    assert taken.reached(10**19).encode() == "judgify working"


def test_what_owners_wrote_before_there_were_chunks_is_understood() -> None:
    def read(words: str) -> Attempts:
        return parse_attempts(5, f"judgify working {words}")

    died_of = read("careful_until=9000 marked=7").taken(END, SPAN)
    culprit = read("careful_until=9000 marked=7 deaths_marked=2").taken(END, SPAN)

    assert not read("deaths=3 careful_until=9000").fine
    assert (died_of.died_of, died_of.deaths_marked) == (7, 1)
    assert (died_of.careful_until, died_of.fine) == (7 + CHUNK_RECORDS, True)
    assert culprit.culprit == 7
    assert read("marked=7") == read("")


@given(st.text())
@pytest.mark.parametrize("prefix", ["", "judgify ", "judgify working careful_until=99 marked="])
def test_whatever_somebody_else_wrote_is_read_without_an_error(prefix: str, text: str) -> None:
    found = parse_attempts(5, prefix + text)

    assert found.at == 5
    assert found.marked is None or 0 <= found.marked < 99


def test_the_metadata_stays_small() -> None:
    most = 10**18
    fullest = Attempts(most, True, most, most, True, most, most, most, most, "x" * 22)

    assert len(fullest.encode()) < 256


class Owners:
    """Owners of one partition: they die of one record, and at other moments by force."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.end = self.random.randrange(1, 3_000)
        self.killer = self.random.randrange(self.end)
        self.span = self.random.randrange(1, 2_000)
        self.attempts = Attempts(0)
        self.deaths = 0
        self.forced = 0
        self.hit: set[int] = set()
        """Records that were alone at a forced end."""

    def live(self) -> bool:
        """Let one owner work; True: it holds the culprit."""
        self.attempts = parse_attempts(self.attempts.at, self.attempts.encode())
        self.attempts = self.attempts.taken(self.end, self.span)
        hands = self.random.randrange(60) if self.random.random() < 0.3 else self.end
        while self.attempts.culprit != self.attempts.at:
            if not hands:
                self.forced += 1
                return False
            hands -= 1
            handed = self._hand_out()
            if self.attempts.at <= self.killer < handed:
                self.deaths += 1
                return False
            if not hands and self._may_be_hit():
                continue  # while all of it is in work
            if self.random.random() < 0.1:  # as in the concurrent shape: some of it is done
                self.attempts = self.attempts.reached(self.random.randint(0, handed))
            self.attempts = self.attempts.reached(handed)
        return True

    def _hand_out(self) -> int:
        """Mark what is handed out next; return its end."""
        at = self.attempts.at
        if not self.attempts.careful:
            return min(at + self.span, self.end)
        most = 1 if self.attempts.fine else CHUNK_RECORDS
        handed = min(at + self.random.randint(1, most), self.attempts.careful_until or 0)
        self.attempts = self.attempts.marking(at, handed)
        return handed

    def _may_be_hit(self) -> bool:
        """Return whether a forced end may come now: it never hits one record twice, alone."""
        if not self.attempts.fine:
            return True
        hit_before = self.attempts.at in self.hit
        self.hit.add(self.attempts.at)
        return not hit_before


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(40)])
def test_only_the_record_that_ends_processes_is_ever_held_and_soon(seed: int) -> None:
    """A forced end can make owners begin anew; without one a culprit costs so many deaths."""
    print("seed", seed)
    owners = Owners(seed)
    deaths_max = DEATHS_MAX + 1 + DEATHS_MARKED_MAX

    while not owners.live():
        assert owners.attempts.culprit in {None, owners.killer}
        assert owners.deaths <= deaths_max * (owners.forced + 1)

    assert owners.attempts.culprit == owners.killer
