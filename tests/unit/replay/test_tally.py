"""Laws of the tally: each request is finished once, each judgment id counted once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.replay.outcomes import Buried, Judged, Outcome, Position
from judgify.replay.tally import STRANGERS_MAX, Tally, percentile


def judged(at: int, **fields: Any) -> Judged:
    """Return the result of the request at offset `at`."""
    values: dict[str, Any] = {
        "request": Position(0, at),
        "judgment_id": f"j-{at}",
        "status": "decided",
        "verdict": "ok",
        "rule": None,
        "latency_ms": 5,
        "value": b"{}",
        "partition": 0,
        "offset": at + 100,
    }
    return Judged(**(values | fields))


def buried(offset: int, code: str = "unreadable") -> Buried:
    return Buried(Position(0, offset), "rule-agent", code, "not JSON", 3, offset)


def send(tally: Tally, *offsets: int) -> None:
    for offset in offsets:
        tally.add_sent(Position(0, offset), 1_000)


def test_a_request_is_missing_until_it_has_an_outcome() -> None:
    tally = Tally()
    send(tally, 0, 1, 2)

    tally.add_outcome(judged(1))
    tally.add_outcome(buried(2))

    assert tally.missing() == [Position(0, 0)]
    assert (tally.requests, tally.finished) == (3, 2)


def test_a_redelivered_result_counts_once() -> None:
    tally = Tally()
    send(tally, 0)

    tally.add_outcome(judged(0))
    tally.add_outcome(judged(0, offset=200))

    assert tally.judgments == 1
    assert tally.by_status == {"decided": 1}


def test_two_requests_with_one_id_finish_both_and_count_as_one_judgment() -> None:
    tally = Tally()
    send(tally, 0, 1)

    tally.add_outcome(judged(0, judgment_id="same", verdict="fail"))
    tally.add_outcome(judged(1, judgment_id="same", verdict="ok"))

    assert tally.finished == 2
    assert tally.by_verdict == {"fail": 1}


def test_an_outcome_read_before_its_acknowledgement_counts() -> None:
    tally = Tally()

    tally.add_outcome(judged(7))
    send(tally, 7)

    assert tally.missing() == []
    assert tally.judgments == 1


def test_outcomes_of_others_are_never_counted() -> None:
    tally = Tally()
    send(tally, 0)

    tally.add_outcome(judged(99))
    tally.add_outcome(buried(98))

    assert (tally.judgments, tally.dead_letters, tally.finished) == (0, 0, 0)


def test_the_room_for_early_outcomes_has_a_limit() -> None:
    tally = Tally()
    for offset in range(STRANGERS_MAX - 1):
        tally.add_outcome(judged(offset))

    before = tally.is_crowded
    tally.add_outcome(judged(STRANGERS_MAX))

    assert not before
    assert tally.is_crowded

    tally.forget_strangers()

    assert not tally.is_crowded


def test_an_early_outcome_that_turns_out_to_be_ours_takes_no_room() -> None:
    tally = Tally()
    for offset in range(STRANGERS_MAX):
        tally.add_outcome(judged(offset))

    send(tally, 0)

    assert not tally.is_crowded


def test_a_request_with_several_dead_letters_counts_once() -> None:
    tally = Tally()
    send(tally, 0)

    tally.add_outcome(buried(0, "unreadable"))
    tally.add_outcome(buried(0, "refused"))

    assert tally.dead_letters == 1
    assert [burial.code for burial in tally.burials] == ["unreadable"]


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"rule": "HDF", "verdict": "fail"}, {"HDF": 1}),
        ({"rule": None}, {"otherwise": 1}),
        ({"rule": "WEAR", "status": "undetermined", "verdict": None}, {"WEAR": 1}),
        ({"rule": None, "status": "undetermined", "verdict": None}, {"otherwise": 1}),
        ({"rule": None, "status": "expired", "verdict": None}, {}),
        ({"rule": None, "status": "error", "verdict": None}, {}),
    ],
)
def test_a_judgment_counts_for_the_rule_that_held(
    fields: dict[str, object], counted: dict[str, int]
) -> None:
    tally = Tally()
    send(tally, 0)

    tally.add_outcome(judged(0, **fields))

    assert tally.by_rule == counted


def test_the_ends_stand_behind_our_last_records() -> None:
    tally = Tally()
    send(tally, 0, 1, 2)

    tally.add_outcome(judged(0, partition=4, offset=50))
    tally.add_outcome(judged(1, partition=4, offset=40))
    tally.add_outcome(buried(2))

    assert tally.result_ends == {4: 51}
    assert tally.dead_letter_ends == {3: 3}


@given(st.permutations([("sent", n) for n in range(8)] + [("judged", n) for n in range(8)]))
def test_the_order_of_acknowledgements_and_outcomes_does_not_matter(
    events: list[tuple[str, int]],
) -> None:
    tally = Tally()

    for kind, offset in events:
        if kind == "sent":
            send(tally, offset)
        else:
            outcome: Outcome = buried(offset) if offset % 3 == 0 else judged(offset)
            tally.add_outcome(outcome)

    assert tally.missing() == []
    assert (tally.judgments, tally.dead_letters) == (5, 3)


@given(st.lists(st.integers(0, 1_000), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(
    values: list[int], share: float
) -> None:
    found = percentile(values, share)

    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) is None
