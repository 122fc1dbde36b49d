"""What `/status` and the metrics tell of the stream, from ledger, log ends and what is held."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from runtime.metrics import REGISTRY
from stream.hold import Held
from stream.ledger import Entry, Slice, TopicPartition
from stream.status import describe, update_metrics
from tests.support.seams import REQUESTS, SeamBench

NOW_S = 1_000.0
OTHER = "judgify.other.v1"


@dataclass
class Ends:
    """Implements what status asks of the fetch thread: the newest known ends of the log."""

    ends: dict[TopicPartition, int] = field(default_factory=dict)

    def end_of_log(self, tp: TopicPartition) -> int | None:
        return self.ends.get(tp)


@dataclass(frozen=True)
class Names:
    group: str
    requests_topic: str = REQUESTS


@pytest.fixture
def bench() -> SeamBench:
    bench = SeamBench()
    bench.assign(0, 1, start=10)
    return bench


def hand_out(bench: SeamBench, partition: int, start: int, end: int, age_s: float) -> Entry:
    """Hand out records of which the oldest is `age_s` old by the broker's clock."""
    oldest_ms = bench.seam.clock.now_ms() - int(age_s * 1_000)
    place = TopicPartition(REQUESTS, partition)
    entry = bench.ledger.accept(
        Slice(place, start, end, bench.ledger.epoch, end - start, 100, oldest_ms)
    )
    assert isinstance(entry, Entry)
    return entry


def rows(bench: SeamBench, ends: Ends | None = None) -> list[dict[str, Any]]:
    return describe(bench.seam, ends, NOW_S)  # type: ignore[arg-type]  # -- what status asks of it


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_there_is_one_row_per_partition_in_order(bench: SeamBench) -> None:
    hand_out(bench, 1, 10, 14, age_s=2.5)
    ends = Ends({TopicPartition(REQUESTS, 1): 20})

    assert rows(bench, ends) == [
        {
            "topic": REQUESTS,
            "partition": 0,
            "first_unfinished": 10,
            "log_end": None,
            "in_flight": 0,
            "oldest_unfinished_s": None,
            "held": None,
        },
        {
            "topic": REQUESTS,
            "partition": 1,
            "first_unfinished": 10,
            "log_end": 20,
            "in_flight": 4,
            "oldest_unfinished_s": 2.5,
            "held": None,
        },
    ]


def test_before_the_group_is_joined_no_end_is_known(bench: SeamBench) -> None:
    assert [row["log_end"] for row in rows(bench)] == [None, None]


def test_the_oldest_unfinished_record_is_not_one_that_is_finished(bench: SeamBench) -> None:
    hand_out(bench, 0, 10, 12, age_s=1)
    bench.ledger.finish(hand_out(bench, 0, 12, 14, age_s=50))
    bench.ledger.finish(hand_out(bench, 1, 10, 12, age_s=70))

    assert [row["oldest_unfinished_s"] for row in rows(bench)] == [1.0, None]


def test_behind_records_of_unknown_age_a_finished_one_is_not_the_oldest(bench: SeamBench) -> None:
    bench.ledger.accept(Slice(TopicPartition(REQUESTS, 0), 10, 11, bench.ledger.epoch, 1))
    bench.ledger.finish(hand_out(bench, 0, 11, 12, age_s=50))
    hand_out(bench, 0, 12, 13, age_s=4)

    assert rows(bench)[0]["oldest_unfinished_s"] == 4.0


def test_an_age_is_never_negative(bench: SeamBench) -> None:
    hand_out(bench, 0, 10, 12, age_s=-30)

    assert rows(bench)[0]["oldest_unfinished_s"] == 0.0


@pytest.mark.parametrize(
    ("lane", "held"),
    [
        (f"{REQUESTS}/1", [False, True]),
        (REQUESTS, [True, True]),
        (f"start/{REQUESTS}/0", [True, False]),
        ("fetch", [True, True]),
        (OTHER, [False, False]),
        ("start", [False, False]),
    ],
)
def test_a_partition_is_held_by_its_lane_its_topic_or_the_fetch(
    bench: SeamBench, lane: str, held: list[bool]
) -> None:
    bench.seam.progress.held[lane] = Held("postgres", "connection refused", NOW_S - 12.34)

    found = [row["held"] for row in rows(bench)]

    assert [row is not None for row in found] == held
    assert all(
        row
        == {
            "kind": "dependency",
            "name": "postgres",
            "reason": "connection refused",
            "since_s": 12.3,
        }
        for row in found
        if row
    )


def test_lag_is_the_sum_over_a_topics_partitions(bench: SeamBench) -> None:
    hand_out(bench, 0, 10, 14, age_s=3)
    bench.ledger.finish(hand_out(bench, 1, 10, 14, age_s=9))
    ends = Ends({TopicPartition(REQUESTS, 0): 20, TopicPartition(REQUESTS, 1): 15})

    update_metrics(bench.seam, ends, Names("sum"), ())  # type: ignore[arg-type]  # -- as above

    assert gauge("consumer_lag_records", group="sum", topic=REQUESTS) == (20 - 10) + (15 - 14)
    assert gauge("judgment_queue_length") == 11
    assert gauge("oldest_unfinished_seconds", group="sum") == 3.0


def test_a_log_end_that_is_older_than_our_position_is_no_negative_lag(bench: SeamBench) -> None:
    update_metrics(bench.seam, Ends({TopicPartition(REQUESTS, 0): 4}), Names("old"), ())  # type: ignore[arg-type]  # -- as above

    assert gauge("consumer_lag_records", group="old", topic=REQUESTS) == 0


def test_an_end_that_is_not_known_is_no_lag(bench: SeamBench) -> None:
    update_metrics(bench.seam, None, Names("unknown"), ())

    assert gauge("consumer_lag_records", group="unknown", topic=REQUESTS) == 0
    assert gauge("oldest_unfinished_seconds", group="unknown") == 0.0


def test_only_the_lag_of_requests_is_the_queue(bench: SeamBench) -> None:
    ends = Ends({TopicPartition(REQUESTS, 0): 15})
    update_metrics(bench.seam, ends, Names("queue"), ())  # type: ignore[arg-type]  # -- as above
    bench.assign(0, topic=OTHER)
    ends = Ends({TopicPartition(OTHER, 0): 99})

    update_metrics(bench.seam, ends, Names("queue"), ())  # type: ignore[arg-type]  # -- as above

    assert gauge("consumer_lag_records", group="queue", topic=OTHER) == 99
    assert gauge("judgment_queue_length") == 5
