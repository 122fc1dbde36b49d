"""Schedules and recoveries: what a seed promises, and how long a healing is said to have taken."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runtime.failpoints import POINTS
from tests.chaos.faults import FAULTS
from tests.chaos.recovery import Recovery, find_recoveries
from tests.chaos.schedule import (
    AGENTS,
    BURYING,
    KILLS_MIN,
    Schedule,
    load_schedule,
    make_schedule,
)

SEEDS = [*range(20), *(random.getrandbits(31) for _ in range(20))]
"""Twenty of them new, the same in every worker: pytest-randomly seeds `random`, and prints its seed."""


@pytest.fixture(params=SEEDS)
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return make_schedule(request.param, 45.0, 300)


def test_a_seed_makes_the_same_schedule_again(schedule: Schedule) -> None:
    random.seed(1)

    assert make_schedule(schedule.seed, 45.0, 300) == schedule


def test_a_saved_schedule_is_the_same_schedule(schedule: Schedule, tmp_path: Path) -> None:
    schedule.save(tmp_path / "schedule.json")

    assert load_schedule(tmp_path / "schedule.json") == schedule


def test_every_schedule_kills_each_agent_and_breaks_a_service(schedule: Schedule) -> None:
    kills = [it for it in schedule.faults if it.fault == "kill"]

    assert len(kills) >= KILLS_MIN
    assert {it.target.partition("/")[0] for it in kills} == set(AGENTS)
    assert any("/" not in it.target for it in schedule.faults)
    assert any(it.detail == "after_publish:3:kill" for it in schedule.faults)
    assert any(it.detail == "llm_replied:5:kill" for it in schedule.faults)


def test_nothing_is_raised_where_it_would_rightly_be_buried(schedule: Schedule) -> None:
    raised = {it.detail.partition(":")[0] for it in schedule.faults if "raise" in it.detail}

    assert not raised & BURYING


def test_every_fault_exists_and_ends_within_the_phase(schedule: Schedule) -> None:
    for planned in schedule.faults:
        assert planned.fault in FAULTS
        assert planned.until_s <= schedule.seconds + 0.01


def test_a_copy_and_the_services_are_broken_one_fault_at_a_time(schedule: Schedule) -> None:
    by_target: dict[str, list[Any]] = {}
    for planned in schedule.faults:
        name = planned.target if "/" in planned.target else "services"
        by_target.setdefault(name, []).append(planned)

    for faults in by_target.values():
        assert all(one.until_s < following.at_s for one, following in pairwise(faults))


def test_seeds_reach_every_fault() -> None:
    seen = {it.fault for seed in range(40) for it in make_schedule(seed, 45.0, 300).faults}

    assert seen == set(FAULTS)


def offsets(t: float, rules: int, sink: int = 0) -> dict[str, Any]:
    return {
        "t": t,
        "event": "offsets",
        "rule-agent": [rules],
        "llm-agent": [0],
        "postgres-sink": [sink],
    }


def fault(number: int, target: str, begun_s: float, healed_s: float) -> list[dict[str, Any]]:
    told = {"number": number, "fault": "kill", "target": target}
    return [
        {"t": begun_s, "event": "injected", **told},
        {"t": healed_s, "event": "healed", **told},
    ]


def test_a_recovery_lasts_from_the_healing_to_the_next_commit() -> None:
    events = [*fault(0, "rule-agent/0", 1, 5), offsets(4, 10), offsets(6, 10), offsets(8.5, 11)]

    assert find_recoveries(events) == [Recovery("kill", "rule-agent/0", "rule-agent", 5, 3.5)]


@pytest.mark.parametrize(
    ("others", "progress_s", "took_s"),
    [
        ([(3, 9)], 11, 2),  # overlapping: from the end of the last
        ([(3, 9), (8, 20)], 22, 2),
        ([(3, 20), (6, 9)], 22, 2),
        ([(3, 20)], 7, 0),  # it went on while another fault did
        ([(6, 9)], 11, 3),  # the clock stops, and goes on
        ([(6, 9), (10, 12), (11, 13)], 40, 29),
        ([(6, 9), (30, 31)], 12, 4),
        ([(1, 4)], 12, 7),
    ],
)
def test_other_faults_of_the_lane_stop_the_clock_and_do_not_set_it_back(
    others: list[tuple[float, float]], progress_s: float, took_s: float
) -> None:
    events = [*fault(0, "rule-agent/0", 1, 5), offsets(2, 10, 10)]
    for number, (begun_s, healed_s) in enumerate(others, 1):
        events += fault(number, "kafka", begun_s, healed_s)
    events.append(offsets(progress_s, 11, 11))

    took = {(it.target, it.lane): it.took_s for it in find_recoveries(events)}

    assert took["rule-agent/0", "rule-agent"] == took_s


def test_a_lane_that_stands_still_from_fault_to_fault_has_not_recovered_from_the_first() -> None:
    kills = [fault(n, "rule-agent/0", 5 * n, 5 * n + 1) for n in range(12)]
    events = [*(event for kill in kills for event in kill), offsets(60, 1)]

    assert find_recoveries(events)[0].took_s == 59 - 11


def test_a_fault_of_another_lane_excuses_nothing() -> None:
    events = [*fault(0, "rule-agent/0", 1, 5), *fault(1, "postgres", 6, 60), offsets(61, 1, 1)]

    took_s = {(it.target, it.lane): it.took_s for it in find_recoveries(events)}

    assert took_s["rule-agent/0", "rule-agent"] == 56


def test_a_lane_that_never_moves_again_has_not_recovered() -> None:
    events = [offsets(1, 10), *fault(0, "rule-agent/0", 2, 5), offsets(9, 10)]

    assert find_recoveries(events)[0].took_s is None


def test_the_documentation_names_every_fault_and_every_failpoint() -> None:
    text = Path("docs/chaos.md").read_text("utf-8")

    assert [name for name in (*FAULTS, *POINTS) if f"`{name}`" not in text] == []
