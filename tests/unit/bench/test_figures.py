from collections.abc import Sequence

from bench.figures import (
    Run,
    Sample,
    cpu_us_per_request,
    middle_rate,
    ratio_by_round,
    slope_per_hour,
    summarize_answers,
    summarize_contender,
)

OK = ("decided", "ok", None)
WORN = ("undetermined", None, "WEAR")


def make_run(contender: str, number: int, per_second: float, *, committed: bool = True) -> Run:
    return Run(contender, number, 1_000, per_second, per_second / 1_000, 80.0, committed, 0.5)


def test_the_rate_leaves_out_what_came_with_the_first_result() -> None:
    answers = summarize_answers(
        [(1_000, "a", OK), (1_000, "b", OK), (1_500, "c", OK), (3_000, "d", WORN)]
    )

    assert (answers.first_ms, answers.last_ms, answers.after_first) == (1_000, 3_000, 2)
    assert answers.per_second == 1.0
    assert answers.counts == {OK: 3, WORN: 1}


def test_a_result_that_came_twice_is_seen() -> None:
    answers = summarize_answers([(1, "a", OK), (2, "a", OK), (3, "b", OK)])

    assert (answers.records, answers.distinct) == (3, 2)


def test_results_of_one_instant_have_no_rate() -> None:
    assert summarize_answers([(7, "a", OK), (7, "b", OK)]).per_second == 0.0


def test_processor_time_before_the_first_and_after_the_last_result_does_not_count() -> None:
    samples = [
        Sample(0, 0.0),
        Sample(0, 2.0),
        Sample(100, 2.5),
        Sample(600, 2.55),
        Sample(1_000, 9.0),
    ]

    cost_us = cpu_us_per_request(samples, 1_000)

    assert cost_us is not None
    assert round(cost_us, 6) == 100.0


def test_a_run_that_was_too_short_has_no_processor_time() -> None:
    samples: Sequence[Sample] = [Sample(0, 1.0), Sample(500, 1.1), Sample(1_000, 1.2)]

    assert cpu_us_per_request(samples, 1_000) is None


def test_ratios_compare_runs_of_the_same_round() -> None:
    # The second round was ten times slower for both: medians of rates would say 0.5.
    runs = [
        make_run("ours", 0, 200.0),
        make_run("theirs", 0, 100.0),
        make_run("ours", 1, 20.0),
        make_run("theirs", 1, 10.0),
        make_run("ours", 2, 50.0),
        make_run("theirs", 2, 100.0),
    ]

    assert ratio_by_round(runs, "ours", "theirs") == 2.0


def test_a_contender_that_did_not_run_has_no_ratio() -> None:
    assert ratio_by_round([make_run("ours", 0, 10.0)], "ours", "theirs") is None


def test_a_summary_tells_the_median_and_one_run_that_did_not_commit() -> None:
    runs = [
        make_run("ours", 0, 10.0),
        make_run("ours", 1, 30.0, committed=False),
        make_run("ours", 2, 20.0),
    ]

    summary = summarize_contender(runs)

    assert summary["per_second_median"] == 20
    assert summary["per_second"] == [10, 30, 20]
    assert summary["committed_all"] is False


def test_the_rate_of_the_middle_leaves_out_a_slow_start_and_a_slow_end() -> None:
    steady = [1_000 + number for number in range(1_000)]
    times_ms = [*range(0, 1_000, 10), *steady, *range(2_000, 60_000, 580)]

    assert middle_rate(times_ms, 0.25, 0.75) == 1_000.0


def test_results_of_one_instant_have_no_rate_in_the_middle() -> None:
    assert middle_rate([5, 5, 5, 5], 0.2, 0.8) == 0.0


def test_a_slope_is_per_hour() -> None:
    assert slope_per_hour([0.0, 1.0, 2.0, 3.0], [100.0, 100.5, 101.0, 101.5]) == 1_800.0
    assert slope_per_hour([0.0], [100.0]) is None
