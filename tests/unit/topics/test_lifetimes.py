"""Laws of how long Kafka may keep a record: its segment's newest record decides."""

import pytest

from topics.lifetimes import find_lifetime_ms
from topics.registry import DAY_MS

WEEK = {"cleanup.policy": "delete", "retention.ms": f"{7 * DAY_MS}", "segment.ms": f"{7 * DAY_MS}"}


def test_the_oldest_record_of_an_open_segment_outlives_retention_by_the_segments_age() -> None:
    assert find_lifetime_ms(WEEK) == 14 * DAY_MS


@pytest.mark.parametrize("kept", [{"retention.ms": "-1"}, {"cleanup.policy": "compact"}])
def test_what_is_never_deleted_lives_for_ever(kept: dict[str, str]) -> None:
    assert find_lifetime_ms(WEEK | kept) is None
