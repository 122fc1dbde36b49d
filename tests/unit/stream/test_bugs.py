"""A broken deploy stops; one bad key, or bugs among good records, do not."""

import pytest

from schemas.errors import FatalError
from stream.bugs import BUGS_IN_A_ROW_MAX, BugStreak


def test_bugs_in_a_row_over_several_keys_stop_the_process() -> None:
    streak = BugStreak()
    for offset in range(BUGS_IN_A_ROW_MAX - 1):
        streak.note(offset, b"k%d" % (offset % 2))

    with pytest.raises(FatalError, match="go back to the release before"):
        streak.note(BUGS_IN_A_ROW_MAX - 1, b"k0")


def test_bugs_of_one_key_never_stop_the_process() -> None:
    streak = BugStreak()

    for offset in range(10 * BUGS_IN_A_ROW_MAX):
        streak.note(offset, b"always the same")

    assert streak.count == 10 * BUGS_IN_A_ROW_MAX


def test_a_record_that_works_ends_the_streak() -> None:
    streak = BugStreak()

    for offset in range(0, 4 * BUGS_IN_A_ROW_MAX, 2):
        streak.note(offset, b"k%d" % (offset % 5))

    assert streak.count == 1
