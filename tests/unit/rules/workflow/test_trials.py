"""A workflow's own tests compare what they name with what the rules decide without an LLM."""

from typing import Any

import pytest

from rules.workflow.trials import TestResult, run_tests, unfired_rules
from tests.support.workflows import make_workflow, read_milling


def run_one(event: dict[str, Any], expect: dict[str, Any], **parts: Any) -> TestResult:
    workflow = make_workflow(tests=[{"name": "t", "input": event, "expect": expect}], **parts)
    [result] = run_tests(workflow)
    return result


@pytest.mark.parametrize(
    ("event", "expect"),
    [
        ({"x": 11}, {"verdict": "fail", "rule": "HIGH", "status": "decided", "confidence": 1}),
        ({"x": 10}, {"verdict": "ok", "rule": None, "unknown": [], "possible": []}),
        (
            {},
            {
                "status": "undetermined",
                "verdict": None,
                "possible": ["fail", "ok"],
                "unknown": ["x"],
            },
        ),
        ({}, {"confidence": None}),
        ({"x": 11}, {}),
    ],
)
def test_what_is_expected_and_comes_true_passes(
    event: dict[str, Any], expect: dict[str, Any]
) -> None:
    assert run_one(event, expect).passed


@pytest.mark.parametrize(
    ("event", "expect", "said"),
    [
        ({"x": 11}, {"verdict": "ok"}, "verdict is fail, expected ok"),
        ({"x": 11}, {"rule": None}, "rule is HIGH, expected none"),
        ({"x": 10}, {"rule": "HIGH"}, "rule is none, expected HIGH"),
        ({}, {"status": "decided"}, "status is undetermined, expected decided"),
        ({}, {"unknown": []}, "unknown is [x], expected []"),
        ({}, {"possible": ["ok"]}, "possible is [ok, fail], expected [ok]"),
        ({"x": 11}, {"confidence": 0.5}, "confidence is 1.0, expected 0.5"),
    ],
)
def test_what_comes_otherwise_is_told(
    event: dict[str, Any], expect: dict[str, Any], said: str
) -> None:
    result = run_one(event, expect)

    assert not result.passed
    assert [each.sentence for each in result.differences] == [said]


def test_a_required_field_that_is_missing_is_an_error() -> None:
    result = run_one({}, {"status": "error"}, input={"x": {"type": "number", "required": True}})

    assert result.passed
    assert "x is missing" in (result.outcome.invalid or "")


def test_tests_are_judged_as_if_no_llm_answered() -> None:
    result = run_one(
        {"x": 1},
        {"verdict": "ok", "confidence": 0.5},
        llm={},
        otherwise={"verdict": "ok", "confidence": 0.5},
    )

    assert result.passed
    assert result.outcome.degraded


def test_rules_that_no_test_fires_are_named_in_order() -> None:
    rules = [
        {"id": name, "when": f"x == {number}", "verdict": "fail"}
        for number, name in enumerate("ABC")
    ]
    workflow = make_workflow(rules=rules, tests=[{"name": "t", "input": {"x": 1}, "expect": {}}])

    assert unfired_rules(workflow) == ["A", "C"]


def test_the_milling_workflow_passes_its_tests_and_fires_every_rule() -> None:
    milling = read_milling().compile()

    assert [result.name for result in run_tests(milling) if not result.passed] == []
    assert unfired_rules(milling) == []
