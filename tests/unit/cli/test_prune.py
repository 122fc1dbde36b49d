"""Laws of `judgify db prune` that need no service: what it refuses, and what it tells."""

from datetime import UTC, datetime

import pytest

from judgify.cli.prune import describe, find_days_min, refuse_short, summarize
from schemas.errors import FatalError
from sinks.postgres.prune import DEAD_LETTERS, DUPLICATES, JUDGMENTS, Keep, Pruned, Pruning
from topics.registry import DAY_MS

CUTOFF = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keep", "named"),
    [
        (Keep(14, 90), "retention.judgments_days is 14, and must be at least 15"),
        (Keep(90, 14), "retention.dead_letters_days is 14, and must be at least 15"),
    ],
)
def test_what_the_audit_may_still_look_for_is_not_deleted(keep: Keep, named: str) -> None:
    with pytest.raises(FatalError, match=named):
        refuse_short(keep, 15)


@pytest.mark.parametrize(
    ("request_ms", "outcome_ms", "days"),
    [
        (14 * DAY_MS, 14 * DAY_MS, 29),  # as `judgify topics create` makes them
        (14 * DAY_MS, 3 * DAY_MS, 18),
        (2 * DAY_MS + 1, 0, 4),
    ],
)
def test_a_row_outlives_its_request_and_then_its_outcome_by_a_day(
    request_ms: int, outcome_ms: int, days: int
) -> None:
    assert find_days_min(request_ms, outcome_ms) == days


@pytest.mark.parametrize("lives", [(None, 1), (1, None)])
def test_what_kafka_keeps_for_ever_is_never_deleted(lives: tuple[int | None, int | None]) -> None:
    with pytest.raises(FatalError, match="for ever"):
        find_days_min(*lives)


def test_a_day_longer_than_kafka_is_enough() -> None:
    refused = None
    try:
        refuse_short(Keep(15, 15), 15)
    except FatalError as error:
        refused = error

    assert refused is None


def test_duplicates_are_kept_as_long_as_judgments() -> None:
    keep = Keep(judgments_days=90, dead_letters_days=30)

    assert [keep.days(it) for it in (JUDGMENTS, DUPLICATES, DEAD_LETTERS)] == [90, 90, 30]


def test_it_tells_what_went_in_how_many_slices_and_how_much_room_that_left() -> None:
    pruned = Pruned(JUDGMENTS, CUTOFF, 5_000, 3, 0.0821, 3 * 1024**3)
    pruning = Pruning(tables=[pruned, Pruned(DUPLICATES, CUTOFF)])

    lines = list(describe(pruning))

    assert lines == [
        "judgments     5,000 from before 2026-01-02 03:04+00:00 deleted, in 3 slices of at most 82 ms",
        "duplicates    0 from before 2026-01-02 03:04+00:00 deleted",
        "3.0 GiB in the tables is free for new rows; files do not shrink",
    ]


def test_a_prune_that_was_stopped_says_that_its_room_is_not_free_yet() -> None:
    pruning = Pruning(tables=[Pruned(JUDGMENTS, CUTOFF, 5, 1, 0.1, 2048)])
    pruning.stop.set()

    assert "will be, when PostgreSQL next vacuums, free" in list(describe(pruning))[-1]


def test_json_tells_the_same_by_table() -> None:
    pruning = Pruning(tables=[Pruned(DEAD_LETTERS, CUTOFF, 2, 1, 0.5, 700)])
    pruning.stop.set()

    told = summarize(pruning)

    assert told == {
        "interrupted": True,
        "deleted": {
            "dead_letters": {
                "rows": 2, "before": "2026-01-02T03:04:00+00:00", "reusable_bytes": 700,
                "slices": 1, "longest_slice_s": 0.5,
            }
        },
    }  # fmt: skip
