"""What the part `llm` sends, and the figures that it makes of what comes back."""

import asyncio
from itertools import pairwise

import orjson
import pytest

from bench.llm_in_process import Took, summarize, take_round
from bench.llm_isolation import GRACE_S, OPEN_SHARE, SCENES, TOTAL_TIMEOUT_S, WITHOUT, Ending, Scene
from bench.llm_isolation import figures_of as isolation_figures
from bench.llm_isolation import summarize as summarize_isolation
from bench.llm_load import is_open, make_escalations, make_mixed_requests
from bench.llm_ways import ALONE, CREATE, PARSE, SHARED, Case, Way, make_cases
from bench.load_generator import Schedule
from bench.running import BenchError
from judgify.demo.milling import find_example_dir

WORKFLOW = find_example_dir() / "workflow.yaml"
SCHEDULE = Schedule("t", per_second=100, start_s=50.0, seconds=3.0)
HEALTHY = Scene("healthy")
ABSENT = Scene("no llm-agent", has_agent=False)


def end(scene: Scene, *, took_ms: int = 5, how: str = "answered") -> list[Ending]:
    """Return the ending of every request that has one in `scene`."""
    return [
        Ending(
            SCHEDULE.request_id(n),
            SCHEDULE.due_s(n) + (9.0 if is_open(n, OPEN_SHARE) else 0.004),
            took_ms,
            how if is_open(n, OPEN_SHARE) else "by the rules",
        )
        for n in range(SCHEDULE.count)
        if scene.ends(is_open(n, OPEN_SHARE))
    ]


def test_the_share_that_rules_leave_open_is_spread_evenly() -> None:
    left_open = [n for n in range(1_000) if is_open(n, OPEN_SHARE)]

    assert len(left_open) == 70
    assert {later - earlier for earlier, later in pairwise(left_open)} == {14, 15}


def test_rules_leave_open_what_they_are_said_to_and_nothing_else() -> None:
    requests = make_mixed_requests("t", 400, OPEN_SHARE)
    escalations = make_escalations(WORKFLOW, "t", 30)

    assert len({value for _, value in requests}) == 400
    assert len(escalations) == 30  # every one of 30 requests that are all open
    rule_of = {orjson.loads(value)["rule"] for _, value in escalations}
    assert rule_of == {"WEAR"}


def test_no_two_questions_are_equal_so_that_no_cache_answers_one() -> None:
    cases = [*make_cases(WORKFLOW, "round-0", 40), *make_cases(WORKFLOW, "round-1", 40)]

    assert len({case.prompt.sha256 for case in cases}) == 80


def test_every_way_answers_every_case_of_its_own_once() -> None:
    answered: list[tuple[str, bytes | None]] = []
    cases = {name: make_cases(WORKFLOW, name, 8) for name in ("a", "b")}

    def way(name: str) -> Way:
        async def answer(case: Case) -> None:
            answered.append((name, case.record.key))

        return answer

    taken = asyncio.run(take_round({"a": way("a"), "b": way("b")}, cases, shift=1))

    assert [name for name, _ in answered[:4]] == ["b", "a", "b", "a"]
    assert len(set(answered)) == len(answered) == 16
    assert {it.many for it in taken.values()} == {4}
    assert all(0 < len(it.ms) < 4 for it in taken.values()), "the first calls count nowhere"


def test_what_ours_takes_beyond_the_sdk_is_the_median_of_neighbouring_calls() -> None:
    def took(*ms: float) -> Took:
        return Took(ms, cpu_s=0.006, many=100, many_s=0.5, many_cpu_s=0.25)

    figures = summarize(
        [
            {
                PARSE: took(1, 9, 5),
                CREATE: took(1, 1, 1),
                ALONE: took(2, 11, 8),
                SHARED: took(1, 1, 1),
            }
        ]
    )

    assert figures["beyond_ms_p50"][ALONE] == {PARSE: [2.0], CREATE: [7.0]}
    assert figures["ways"][ALONE] == {
        "ms_p50": [8.0],
        "ms_p50_median": 8.0,
        "cpu_ms": [2.0],
        "cpu_ms_median": 2.0,
        "per_second": [200],
        "per_second_median": 200,
        "per_core": [400],
        "per_core_median": 400,
    }


def test_what_waits_for_the_llm_is_in_no_latency_of_the_rules() -> None:
    figures = isolation_figures(HEALTHY, SCHEDULE, end(HEALTHY))

    assert figures["due_to_observer_ms"]["max"] == 4.0
    assert figures["left_open"] == figures["ended"]["answered"] == 21
    assert figures["late"] == 0


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_missing_result_is_no_figure_in_any_scene(scene: Scene) -> None:
    with pytest.raises(BenchError, match=scene.name):
        isolation_figures(scene, SCHEDULE, end(scene)[1:])


def test_a_result_that_came_twice_is_no_figure() -> None:
    endings = end(HEALTHY)

    with pytest.raises(BenchError, match="301 results instead of 300"):
        isolation_figures(HEALTHY, SCHEDULE, [*endings, endings[-1]])


def test_without_an_agent_escalations_wait_and_whoever_answers_them_is_not_ours() -> None:
    figures = isolation_figures(ABSENT, SCHEDULE, end(ABSENT))

    assert figures["ended"] == {}
    assert figures["ended_ms_max"] is None
    with pytest.raises(BenchError):
        isolation_figures(ABSENT, SCHEDULE, end(HEALTHY))


def test_an_escalation_that_outlives_its_time_is_counted_as_late() -> None:
    limit_ms = int((TOTAL_TIMEOUT_S + GRACE_S) * 1_000)

    in_time = isolation_figures(HEALTHY, SCHEDULE, end(HEALTHY, took_ms=limit_ms))
    late = isolation_figures(HEALTHY, SCHEDULE, end(HEALTHY, took_ms=limit_ms + 1))

    assert in_time["late"] == 0
    assert late["late"] == 21
    assert late["ended_ms_max"] == limit_ms + 1


def test_ratios_are_to_the_run_without_the_lane_in_the_same_round() -> None:
    def run(ms_p99: float) -> dict[str, object]:
        ms = {"p50": 1.0, "p99": ms_p99}
        figures: dict[str, object] = {"due_to_observer_ms": ms, "broker_to_broker_ms": ms}
        return figures | {"left_open": 2, "ended": {"answered": 2}, "ended_ms_max": 7, "late": 0}

    summary = summarize_isolation(
        {WITHOUT.name: [run(10.0), run(100.0)], "healthy": [run(11.0), run(110.0)]}
    )

    assert summary["healthy"]["p99_over_without"] == 1.1
    assert summary["healthy"]["ended"] == {"answered": 4}
    assert summary["healthy"]["ms_p99"] == [11.0, 110.0]
