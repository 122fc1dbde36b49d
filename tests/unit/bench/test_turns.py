from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench.contenders import AIOKAFKA_LOOP, CONFLUENT_LOOP, RULE_AGENT, Contender
from bench.cores import Cores
from bench.running import BenchError, Ground
from bench.track import Track
from bench.turns import run_turns, take_turns

THREE = (RULE_AGENT, CONFLUENT_LOOP, AIOKAFKA_LOOP)


def make_ground(say: Callable[[str], None]) -> Ground:
    track = cast("Track", SimpleNamespace())
    return Ground(track, Cores(None, None), None, False, Path(), say, say)


def test_each_round_runs_everybody_once_and_begins_with_another_one() -> None:
    turns = take_turns(THREE, 3)

    assert [it.name for number, it in turns if number == 0] == [it.name for it in THREE]
    assert [turns[first][1] for first in (0, 3, 6)] == list(THREE)
    assert sorted(it.name for number, it in turns if number == 2) == sorted(it.name for it in THREE)


def test_a_peer_that_fails_leaves_and_the_others_go_on() -> None:
    ran, told = list[str](), list[str]()

    def run(contender: Contender, number: int) -> list[str]:
        ran.append(f"{contender.name} {number}")
        if contender is CONFLUENT_LOOP and number == 1:
            raise BenchError("it answered wrongly", "in /some/path")
        return ["well"]

    failures = run_turns(make_ground(told.append), THREE, 3, run)

    assert failures == {"confluent-loop": "it answered wrongly"}
    assert [it for it in ran if "confluent" in it] == ["confluent-loop 0", "confluent-loop 1"]
    assert len(ran) == 8
    assert any("leaves the race: it answered wrongly: in /some/path" in line for line in told)


def test_without_us_there_is_no_race() -> None:
    def run(contender: Contender, _number: int) -> list[str]:
        raise BenchError(contender.name)

    with pytest.raises(BenchError, match="rule-agent"):
        run_turns(make_ground(lambda _line: None), THREE, 1, run)
