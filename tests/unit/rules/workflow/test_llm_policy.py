"""The `llm` part says what an LLM may do: its bounds, its defaults, and what is hardly meant."""

import json
from typing import Any

import pytest

from rules.workflow.compiled import compile_workflow
from rules.workflow.llm_policy import TOKENS_OF_A_CALL, LlmPolicy
from rules.workflow.reader import read_workflow
from tests.support.workflows import (
    make_document,
    make_workflow,
    problems_of_document,
    read_milling,
    yaml_text,
)

LIMITS = {"requests_per_minute": 60, "tokens_per_minute": 90_000, "usd_per_day": 2.5}


def test_without_an_llm_part_an_llm_may_choose_any_verdict_and_nothing_is_limited() -> None:
    policy = make_workflow(min_confidence=0.6).llm

    assert policy == LlmPolicy(("ok", "fail"), "", 0.6, None, None, None)


def test_what_is_written_holds() -> None:
    part = {"may_decide": ["fail"], "instructions": "Look.", "min_confidence": 0.9, **LIMITS}

    policy = make_workflow(llm=part).llm

    assert policy == LlmPolicy(("fail",), "Look.", 0.9, 60, 90_000, 2.5)


def test_the_milling_workflow_lets_an_llm_decide_both_ways() -> None:
    policy = read_milling().compile().llm

    assert policy.may_decide == ("ok", "fail")
    assert policy.instructions == "Tools fail more often past 200 minutes of wear."
    assert policy.min_confidence == 0.7


def test_a_least_confidence_of_zero_is_not_the_default() -> None:
    assert make_workflow(llm={"min_confidence": 0}).llm.min_confidence == 0


@pytest.mark.parametrize(
    ("part", "path", "says"),
    [
        ({"requests_per_minute": 0}, "llm.requests_per_minute", "greater than or equal to 1"),
        ({"requests_per_minute": 10**7}, "llm.requests_per_minute", "less than or equal to 1000000"),
        ({"requests_per_minute": 1.5}, "llm.requests_per_minute", "must be a whole number"),
        ({"requests_per_minute": True}, "llm.requests_per_minute", "must be a whole number"),
        ({"tokens_per_minute": "many"}, "llm.tokens_per_minute", "must be a whole number"),
        ({"tokens_per_minute": 0}, "llm.tokens_per_minute", "greater than or equal to 1"),
        ({"tokens_per_minute": 10**10}, "llm.tokens_per_minute", "less than or equal to"),
        ({"usd_per_day": 0}, "llm.usd_per_day", "greater than 0"),
        ({"usd_per_day": -1}, "llm.usd_per_day", "greater than 0"),
        ({"usd_per_day": 1e7}, "llm.usd_per_day", "less than or equal to"),
        ({"usd_per_day": "2"}, "llm.usd_per_day", "must be a number"),
        ({"may_decide": []}, "llm.may_decide", "at least 1 item"),
        ({"may_decide": ["undetermined"]}, "llm.may_decide[0]", "unknown verdict"),
        ({"may_decide": ["Fail"]}, "llm.may_decide[0]", "unknown verdict"),
        ({"min_confidence": 1.1}, "llm.min_confidence", "less than or equal to 1"),
        ({"instructions": "x" * 16_385}, "llm.instructions", "at most 16384 characters"),
        ({"model": "some"}, "llm.model", "unknown key `model`"),
    ],
)  # fmt: skip
def test_what_cannot_hold_is_refused_at_its_place(part: Any, path: str, says: str) -> None:
    assert says in problems_of_document(llm=part)[path]


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        ("method: rule\nllm: {}\n", "llm", "has no effect"),
        ("method: llm\n", "method", "method llm without an llm part"),
        ("method: hybrid\n", "method", "method hybrid without an llm part"),
        ("methods: [rule, llm]\n", "methods", "method llm without an llm part"),
        ("llm: {may_decide: [ok, fail, ok]}\n", "llm.may_decide[2]", "`ok` is here twice"),
        (f"llm: {{tokens_per_minute: {TOKENS_OF_A_CALL - 1}}}\n", "llm.tokens_per_minute", "one call reserves"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_a_warning_at_its_place(
    body: str, path: str, says: str
) -> None:
    warnings = read_workflow(yaml_text(body)).warnings

    [warning] = [each for each in warnings if says in each.message]
    assert warning.path == path


@pytest.mark.parametrize(
    "body", ["", "method: rule\n", "llm: {}\n", f"llm: {{tokens_per_minute: {TOKENS_OF_A_CALL}}}\n"]
)
def test_what_may_be_meant_is_none(body: str) -> None:
    warnings = read_workflow(yaml_text(body)).warnings

    assert [each for each in warnings if each.path.startswith(("llm", "method"))] == []


def test_a_verdict_named_twice_is_one_choice() -> None:
    assert make_workflow(llm={"may_decide": ["fail", "ok", "fail"]}).llm.may_decide == (
        "ok",
        "fail",
    )


def test_limits_are_part_of_the_version_and_survive_the_wire() -> None:
    document = make_document(llm=LIMITS)

    workflow = compile_workflow(json.loads(json.dumps(document)))

    assert workflow.version != make_workflow(llm={}).version
    assert workflow.llm.usd_per_day == 2.5
