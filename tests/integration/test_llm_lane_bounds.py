"""The bounds of the LLM lane on real services: a dead endpoint, and the money of a day."""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.llm_lane import LlmLane, open_llm_lane, use_of
from tests.support.load import fetch
from tests.support.stand_in_llm import run_stand_in_llm
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
USD_PER_DAY = 5.0
PRICES = "models: {judgify-fake: {in: 100, out: 500}}\n"
"""About 0.1 US dollars a call."""
BURST = 400
"""Ten times as many as the money of the day can answer."""
CONCURRENCY = 4
OPEN_S = 30.0
"""How long the breaker lets nobody through."""
DEATH_S = 60.0


@pytest.fixture
def lane(kafka_bootstrap: str, database_url: str, tmp_path: Path) -> Iterator[LlmLane]:
    """A lane without an LLM: no llm-agent runs yet."""
    with open_llm_lane(kafka_bootstrap, database_url, tmp_path) as lane:
        lane.environment["JUDGIFY_LLM_CONCURRENCY"] = str(CONCURRENCY)
        lane.start("rule-agent", wait=False)
        lane.start("postgres-sink")
        lane.publish_workflow()
        yield lane


def start_copy(lane: LlmLane, failpoint: str = "") -> "subprocess.Popen[bytes]":
    """Start a copy of llm-agent that fails at `failpoint`."""
    kept = dict(lane.environment)
    if failpoint:
        lane.environment["JUDGIFY_FAILPOINT"] = failpoint
    try:
        return lane.start("llm-agent")
    finally:
        lane.environment = kept


def test_a_dead_endpoint_costs_nobody_a_judgment_and_is_found_again(lane: LlmLane) -> None:
    with ExitStack() as stack:
        stand_in = stack.enter_context(run_stand_in_llm())
        lane.lead_to(stand_in)
        agent = start_copy(lane)
        assert lane.judge("alive", 1)[0]["status"] == "decided"
        stand_in.process.kill()
        stand_in.process.wait(DEATH_S)

        rows = lane.judge("dead", 20)

        assert {row["status"] for row in rows} == {"undetermined"}
        reasons = Counter(
            "shut" if "is asked again in" in row["reason"] else "tried" for row in rows
        )
        # Five failures in a row open it; as many as are asked at a time may be under way by then.
        assert 5 <= reasons["tried"] <= 5 + CONCURRENCY
        assert reasons["shut"] == 20 - reasons["tried"]
        port = stand_in.base_url.rpartition(":")[2].partition("/")[0]
        stack.enter_context(run_stand_in_llm("--port", port))
        wait_until(
            lambda: lane.judge(f"back-{time.monotonic_ns()}", 1)[0]["status"] == "decided",
            OPEN_S + DEATH_S,
            what="an answer of the endpoint that is back",
        )
        assert agent.poll() is None


def test_a_burst_and_two_kills_spend_no_more_than_the_day_allows(
    lane: LlmLane, tmp_path: Path
) -> None:
    """One copy dies between its reservation and its call, one between the answer and its bill."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES)
    with run_stand_in_llm() as stand_in:
        stand_in.follow(latency={"fixed_ms": 100, "jitter_ms": 100})
        lane.lead_to(stand_in)
        lane.environment |= {
            "JUDGIFY_LLM_PRICES": str(prices),
            "JUDGIFY_LLM_USD_PER_DAY": str(USD_PER_DAY),
            "JUDGIFY_LLM_MAX_TOKENS": "100",
        }
        doomed = [start_copy(lane, "llm_reserved:6:kill"), start_copy(lane, "llm_replied:6:kill")]
        sent = lane.escalate("burst", BURST)
        for process in doomed:
            wait_until(lambda it=process: it.poll() is not None, DEATH_S, what="a copy to die")  # type: ignore[misc]  # mypy knows no default of a lambda
        start_copy(lane)
        rows = lane.wait_for(sent, DEATH_S)
        calls = stand_in.calls()["total"]

    assert [process.returncode for process in doomed] == [-signal.SIGKILL] * 2
    stored = fetch(
        lane.database_url,
        "select count(*) from judgment_executions where request_id like 'burst-%'",
    )
    assert stored[0][0] == BURST
    costs = [use["cost_usd"] for row in rows.values() if (use := use_of(row))]
    assert calls >= len(costs)
    assert calls * max(costs) <= USD_PER_DAY
    assert sum(costs) > USD_PER_DAY / 3, "it was spent, and not only guarded"
    refused = [row["reason"] for row in rows.values() if row["status"] == "undetermined"]
    assert sum("US dollars per day of all calls" in reason for reason in refused) > BURST / 2
