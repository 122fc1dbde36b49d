"""Laws of the limits without Redis: each copy keeps to its share, whatever happens to the others."""

from tests.support.limit_machine import SpendingCopies, check_histories


def test_copies_that_know_nothing_of_each_other_keep_every_limit_of_a_day() -> None:
    check_histories(SpendingCopies, examples=30, steps=40)
