"""The LLM lane on real services: every escalation ends as one row, whatever its endpoint does."""

import csv
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands
from tests.support.llm_lane import LlmLane, open_llm_lane, use_of
from tests.support.load import fetch
from tests.support.stand_in_llm import StandInLlm, run_stand_in_llm
from tests.support.waiting import wait_until
from tests.support.workflows import ROOT

pytestmark = pytest.mark.timeout(180)
AI4I = ROOT.parent / "shared" / "data" / "ai4i2020.csv"
ANSWERS = """
answers:
  file: {file}
  key: Product ID
  field: machine
  value: Machine failure
  map: {{0: ok, 1: fail}}
"""
SWITCHED_S = 5.0
"""How long a switch may take to reach every process."""
BACKLOG = 400
CALL_TIMEOUT_S = 1
TRIES = 3
SLACK_S = 6.0
"""From the end of an escalation to its row on a busy machine."""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInLlm]:
    """A stand-in that knows the labels of the public data set, where that is there."""
    script = tmp_path_factory.mktemp("script") / "script.yaml"
    script.write_text(ANSWERS.format(file=AI4I) if AI4I.is_file() else "seed: 1\n")
    with run_stand_in_llm(script=script) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def lane(
    kafka_bootstrap: str,
    database_url: str,
    stand_in: StandInLlm,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LlmLane]:
    """Everything that judges and stores, and waits for no answer for long."""
    logs = tmp_path_factory.mktemp("logs")
    with open_llm_lane(kafka_bootstrap, database_url, logs) as lane:
        lane.lead_to(stand_in)
        lane.environment["JUDGIFY_LLM_CALL_TIMEOUT_S"] = str(CALL_TIMEOUT_S)
        lane.start("rule-agent", wait=False)
        lane.start("postgres-sink", wait=False)
        lane.start("llm-agent")
        lane.publish_workflow()
        yield lane


@pytest.fixture(autouse=True)
def _healthy(stand_in: StandInLlm) -> None:
    stand_in.follow()


@pytest.fixture
def commands(
    lane: LlmLane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    for name, value in lane.environment.items():
        monkeypatch.setenv(name, value)
    return Commands(monkeypatch, capsys)


@pytest.fixture
def llm_switch(commands: Commands) -> Iterator[Any]:
    """Flips the kill switch; it is on again afterwards."""

    def flip(value: str) -> None:
        commands.run_well("control", "set", "llm.enabled", value)

    yield flip
    flip("true")


# -- from a request to its row -----------------------------------------------


def test_what_no_rule_decides_is_answered_recorded_and_can_be_shown(
    lane: LlmLane, stand_in: StandInLlm, commands: Commands
) -> None:
    [row] = lane.judge("shown", 1)

    assert (row["method"], row["status"], row["degraded"]) == ("hybrid", "decided", False)
    assert row["verdict"] in ("ok", "fail")
    use = use_of(row)
    assert use is not None
    assert (use["model"], use["cached"]) == ("judgify-fake", False)
    assert use["tokens_in"] > 0
    assert use["latency_ms"] > 0
    shown = commands.run_well("judgments", "show", "shown-0")
    assert "judgify-fake (a stand-in, no model)" in shown
    prompt = commands.read("llm", "prompt", "shown-0")
    assert prompt["sha256"] == use["prompt_sha256"]
    [body] = stand_in.bodies()
    assert [message["content"] for message in body["input"]] == [prompt["system"], prompt["user"]]
    assert commands.run("audit").code == 0


def test_an_equal_question_of_another_request_is_answered_without_a_call(
    lane: LlmLane, stand_in: StandInLlm
) -> None:
    lane.judge("asked", 1)
    [first] = lane.find(["asked-0"]).values()
    event = (
        b'{"request_id": "again", "workflow_id": "milling", "input_data": %s}'
        % fetch(
            lane.database_url,
            "select input_data::text from judgment_executions where request_id = 'asked-0'",
        )[0][0].encode()
    )

    lane.send(event, key=b"again")
    again = lane.wait_for(["again"])["again"]

    use = use_of(again)
    assert use is not None
    assert use["cached"]
    assert again["verdict"] == first["verdict"]
    assert stand_in.calls()["total"] == 1


# -- the kill switch ----------------------------------------------------------


def test_the_switch_drains_what_waits_and_restores_the_lane_without_a_restart(
    lane: LlmLane, stand_in: StandInLlm, llm_switch: Any
) -> None:
    """At 16 answers in 0.7 s, what is waiting takes longer than the switch."""
    stand_in.follow(latency={"fixed_ms": 700})
    waiting = lane.escalate("backlog", BACKLOG)
    wait_until(lambda: stand_in.calls()["in_flight"] > 0, what="a call")

    llm_switch("false")
    flipped_s = time.monotonic()
    rows = lane.wait_for(waiting)
    drained_s = time.monotonic() - flipped_s

    unanswered = [row for row in rows.values() if row["status"] == "undetermined"]
    reasons = Counter(row["reason"].partition("no LLM answered: ")[2] for row in unanswered)
    assert reasons["the LLM is switched off"] > BACKLOG / 4, reasons
    assert drained_s < SWITCHED_S + SLACK_S
    assert [use_of(row) for row in lane.judge("off", 3)] == [None] * 3

    stand_in.follow()
    llm_switch("true")
    wait_until(
        lambda: lane.judge(f"on-{time.monotonic_ns()}", 1)[0]["status"] == "decided",
        SWITCHED_S + SLACK_S,
        what="an answer",
    )
    assert all(process.poll() is None for process in lane.processes)


# -- an endpoint that fails ---------------------------------------------------

FAULTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "hang": ({}, "no whole answer within 1 s"),
    "drip": ({"pause_ms": 100}, "no whole answer within 1 s"),
    "error": ({}, "answered 500"),
    "rate_limited": ({}, "429"),
    "quota": ({}, "no quota left"),
    "auth": ({}, "OPENAI_API_KEY"),
    "reset": ({}, "cannot be reached"),
    "html": ({}, "is no JSON object (text/html"),
    "garbage": ({}, "is no JSON object"),
    "huge": ({}, "exceeds 1,048,576 bytes"),
    "gzip_bomb": ({}, "exceeds 1,048,576 bytes"),
    "redirect": ({}, "correct OPENAI_BASE_URL"),
    "refusal": ({}, "refuse"),
    "incomplete": ({}, "JUDGIFY_LLM_MAX_TOKENS"),
    "empty_choices": ({}, "holds no reply"),
    "nan": ({}, "does not count"),
    "unknown_verdict": ({}, "does not count"),
}
"""How the endpoint fails, and what the reason of the judgment must say of it."""


@pytest.mark.parametrize("kind", FAULTS)
def test_whatever_the_endpoint_does_is_an_honest_outcome_in_time_and_passes(
    lane: LlmLane, stand_in: StandInLlm, kind: str
) -> None:
    details, words = FAULTS[kind]
    stand_in.fail(kind, **details)

    sent_s = time.monotonic()
    [row] = lane.judge(f"{kind}-bad", 1)
    took_s = time.monotonic() - sent_s

    assert (row["status"], row["verdict"], row["method"]) == ("undetermined", None, "rule")
    assert words in row["reason"], row["reason"]
    assert took_s < TRIES * CALL_TIMEOUT_S + SLACK_S
    assert stand_in.calls()["faults"][kind] >= 1
    stand_in.follow()
    [row] = lane.judge(f"{kind}-healed", 1)
    assert row["status"] == "decided", row["reason"]


# -- readings whose answers are known -----------------------------------------


@pytest.mark.skipif(not AI4I.is_file(), reason=f"the public data set is not at {AI4I}")
@pytest.mark.timeout(180)
def test_rules_and_answers_together_find_the_failures_of_the_public_data_set(
    lane: LlmLane, stand_in: StandInLlm, commands: Commands
) -> None:
    summary = commands.read(
        "replay", str(AI4I), "--workflow", "milling", "--id-column", "UDI", "--wait"
    )

    failed = read_labels()
    rows = {
        name: row for name, row in lane.find(list(failed)).items() if row["request_id"] in failed
    }
    methods = Counter(row["method"] for row in rows.values())
    found = Counter((row["verdict"], failed[name]) for name, row in rows.items())
    assert summary["judgments"] == 10_000
    assert methods == {"hybrid": 721, "rule": 9_279}
    assert found == {("ok", False): 9_661, ("ok", True): 9, ("fail", True): 330}
    assert stand_in.calls()["total"] == 721
    assert commands.run("audit").code == 0


def read_labels() -> dict[str, bool]:
    """Return which readings of the data set are failures, by their ids."""
    with Path(AI4I).open(encoding="utf-8-sig", newline="") as stream:
        return {row["UDI"]: row["Machine failure"] == "1" for row in csv.DictReader(stream)}
