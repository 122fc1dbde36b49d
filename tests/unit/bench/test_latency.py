import pytest

from bench.arrivals import Arrival
from bench.latency import figures_of, quantiles, summarize
from bench.load_generator import Schedule, make_requests
from bench.running import BenchError

SCHEDULE = Schedule("t", per_second=100, start_s=50.0, seconds=2.0)


def make_arrivals(schedule: Schedule, latency_s: float) -> list[Arrival]:
    return [
        Arrival(schedule.request_id(number), schedule.due_s(number) + latency_s, 1_000, 1_004)
        for number in range(schedule.count)
    ]


def test_requests_fall_due_by_the_clock_and_never_more_than_there_are() -> None:
    assert SCHEDULE.due_count(49.999) == 0
    assert SCHEDULE.due_count(50.0) == 1
    assert SCHEDULE.due_count(50.995) == 100
    assert SCHEDULE.due_count(1_000.0) == SCHEDULE.count == 200


def test_every_request_has_an_id_that_names_its_turn() -> None:
    requests = make_requests(SCHEDULE)

    assert len(requests) == 200
    assert b'"request_id":"t-199"' in requests[199][1]


def test_latency_begins_when_a_request_was_due() -> None:
    figures = figures_of(SCHEDULE, make_arrivals(SCHEDULE, 0.007), uncounted_s=0.5)

    assert figures["due_to_observer_ms"] == {"p50": 7.0, "p90": 7.0, "p99": 7.0, "max": 7.0}
    assert figures["broker_to_broker_ms"]["p50"] == 4


def test_a_contender_that_stood_still_is_charged_for_all_that_piled_up() -> None:
    # It answered at once, but not between 51 and 51.9 s: 90 of the 100 counted requests waited.
    arrivals = [
        it._replace(arrived_s=51.9) if 51.0 <= it.arrived_s < 51.9 else it
        for it in make_arrivals(SCHEDULE, 0.001)
    ]

    figures = figures_of(SCHEDULE, arrivals, uncounted_s=1.0)["due_to_observer_ms"]

    assert 400 < figures["p50"] < 500
    assert figures["max"] > 890


def test_the_first_second_does_not_count() -> None:
    arrivals = [
        it._replace(arrived_s=it.arrived_s + 30) if number < 100 else it
        for number, it in enumerate(make_arrivals(SCHEDULE, 0.001))
    ]

    assert figures_of(SCHEDULE, arrivals, uncounted_s=1.0)["due_to_observer_ms"]["max"] == 1.0


def test_a_missing_result_is_no_figure() -> None:
    with pytest.raises(BenchError, match="1 are missing"):
        figures_of(SCHEDULE, make_arrivals(SCHEDULE, 0.001)[:-1], uncounted_s=0.0)


def test_a_result_that_came_twice_is_no_figure() -> None:
    arrivals = make_arrivals(SCHEDULE, 0.001)

    with pytest.raises(BenchError, match="201 results of 200"):
        figures_of(SCHEDULE, [*arrivals, arrivals[0]], uncounted_s=0.0)


def test_quantiles_are_values_that_occurred() -> None:
    assert quantiles(list(range(101))) == {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert quantiles([3.0]) == {"p50": 3.0, "p90": 3.0, "p99": 3.0, "max": 3.0}


def test_a_summary_tells_medians_and_the_largest_of_all() -> None:
    runs = [
        figures_of(SCHEDULE, make_arrivals(SCHEDULE, latency_s), uncounted_s=0.0)
        | {"cpu_share": latency_s, "sender_late_ms_max": latency_s}
        for latency_s in (0.001, 0.002, 0.009)
    ]

    summary = summarize(runs)

    assert summary["due_to_observer_ms"]["p50"] == 2.0
    assert summary["due_to_observer_ms"]["max"] == 9.0
    assert summary["due_to_observer_ms"]["p99_by_round"] == [1.0, 2.0, 9.0]
    assert summary["cpu_share"] == 0.002
