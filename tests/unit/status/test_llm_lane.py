"""The LLM lane on the screen of an operator: how it stands, and what to do when nobody answers."""

from typing import Any

import pytest

from judgify.status.llm_lane import describe_llm
from judgify.status.problems import find_problems
from judgify.status.snapshot import LlmView, Snapshot

SOUND: dict[str, Any] = {
    "model": "gpt-x",
    "endpoint": "https://host/v1",
    "limits_shared": True,
    "endings": {"answered": 30, "cached": 10, "over_limit": 2},
    "spent_usd_today": 0.5,
    "usd_per_day": 5.0,
}


def problems_of(**changes: Any) -> list[str]:
    status = {"process": "llm-agent", "ready": True, "llm": SOUND | changes}
    process = {"name": "llm-agent", "host": "127.0.0.1", "port": 8007, "status": status}
    snapshot = Snapshot.model_validate({"data_dir": "/data", "processes": [process]})
    return [problem.text for problem in find_problems(snapshot)]


def test_a_sound_lane_is_no_problem() -> None:
    assert problems_of() == []


@pytest.mark.parametrize("changes", [{"circuit": "open"}, {"failure": "connection refused"}])
def test_an_endpoint_that_does_not_answer_is_named(changes: dict[str, Any]) -> None:
    (text,) = problems_of(**changes)

    assert "the LLM at https://host/v1 does not answer" in text
    assert "nothing waits for it. Do: `judgify llm check`." in text


def test_money_that_is_spent_is_a_problem_before_the_last_cent() -> None:
    (text,) = problems_of(spent_usd_today=4.8)

    assert "has cost 4.80 of 5.00 US dollars" in text
    assert "JUDGIFY_LLM_USD_PER_DAY" in text
    assert problems_of(spent_usd_today=4.8, usd_per_day=None) == []


def test_the_line_says_what_it_cost_and_how_often_it_was_asked() -> None:
    assert describe_llm(LlmView.model_validate(SOUND)) == (
        "gpt-x at https://host/v1, circuit closed, 0.5000 of 5.00 US dollars today, "
        "42 asked: 30 answered, 10 from the cache (24%), 2 over limit"
    )


def test_a_stand_in_and_limits_by_share_are_said() -> None:
    view = LlmView.model_validate({"model": "judgify-fake", "endpoint": "http://h:1/v1"})

    assert describe_llm(view) == (
        "judgify-fake (a stand-in, no model) at http://h:1/v1, circuit closed, "
        "0.0000 US dollars today, nothing asked yet, limits by share: no Redis"
    )
