"""What the rules leave: possible verdicts, confidence, unknown fields, invalid input."""

from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from typing import Any

import pytest

from rules.findings import Findings
from rules.language import codegen
from rules.language.codegen import generate
from rules.language.reference import evaluate
from rules.program import Program
from tests.support.programs import field, milling, program

Find = Callable[[Program], Callable[[dict[str, Any]], Findings]]

COLD = {
    "Type": "M",
    "Air temperature [K]": 298,
    "Process temperature [K]": 306,
    "Rotational speed [rpm]": 1300,
    "Torque [Nm]": 40,
    "Tool wear [min]": 3,
}
ABC = [field("a", "boolean"), field("b", "boolean"), field("c", "boolean")]


def interpret(of: Program) -> Callable[[dict[str, Any]], Findings]:
    return lambda values: evaluate(of, values)


@pytest.fixture(params=[generate, interpret], ids=["generated", "reference"])
def find(request: pytest.FixtureRequest) -> Find:
    return request.param  # type: ignore[no-any-return]  # pytest types it as Any


def test_the_first_true_rule_decides(find: Find) -> None:
    findings = find(milling())(COLD)
    assert findings == Findings(
        possible=("fail",),
        verdict="fail",
        confidence=0.99,
        rule="R0",
        reason="because 0",
        unknown=(),
        proven=True,
        conclusive=True,
    )


def test_a_dead_sensor_does_not_hide_a_proven_failure(find: Find) -> None:
    findings = find(milling())({"Type": "L", "Tool wear [min]": 200, "Torque [Nm]": 60})
    assert findings.rule == "R2"
    assert findings.possible == ("fail",)
    assert findings.unknown == ("air_k", "process_k", "rpm")
    assert findings.proven


def test_a_dead_sensor_leaves_open_what_it_could_show(find: Find) -> None:
    findings = find(milling())({**COLD, "Rotational speed [rpm]": None})
    assert findings.possible == ("ok", "fail")
    assert (findings.verdict, findings.confidence, findings.rule) == (None, None, None)
    assert findings.unknown == ("rpm",)
    assert not findings.conclusive


def test_no_rule_true_means_otherwise(find: Find) -> None:
    findings = find(milling())({**COLD, "Rotational speed [rpm]": 1500})
    assert (findings.verdict, findings.confidence, findings.rule) == ("ok", 0.95, None)
    assert findings.conclusive
    assert not findings.proven


def test_a_rule_that_cannot_know_leaves_every_verdict(find: Find) -> None:
    worn = {**COLD, "Rotational speed [rpm]": 1500, "Tool wear [min]": 210}
    findings = find(milling())(worn)
    assert (findings.rule, findings.possible, findings.verdict) == ("R3", ("ok", "fail"), None)
    assert not findings.proven


def test_a_missing_otherwise_leaves_every_verdict(find: Find) -> None:
    findings = find(program(ABC, [("a", "fail")], otherwise=None))({"a": False})
    assert findings.possible == ("ok", "fail")
    assert findings.rule is None


@pytest.mark.parametrize(
    ("values", "rule", "possible", "confidence", "unknown"),
    [
        ({"a": None, "b": True, "c": True}, "R1", ("fail",), 0.8, ("a",)),
        ({"a": True, "b": None, "c": True}, "R0", ("fail",), 0.8, ()),
        ({"a": False, "b": True, "c": None}, "R1", ("fail",), 0.9, ()),
        ({"a": False, "b": None, "c": True}, "R2", ("ok", "fail"), None, ("b",)),
        ({"a": False, "b": False, "c": None}, None, ("ok",), 0.6, ("c",)),
        ({"a": None, "b": None, "c": None}, None, ("ok", "fail"), None, ("a", "b", "c")),
    ],
)
def test_unknown_rules_count_above_the_true_one_only(
    *,
    values: dict[str, Any],
    rule: str | None,
    possible: tuple[str, ...],
    confidence: float | None,
    unknown: tuple[str, ...],
    find: Find,
) -> None:
    rules = [("a", "fail", 0.8), ("b", "fail", 0.9), ("c", "ok", 0.6)]
    findings = find(program(ABC, rules, otherwise=("ok", 0.7)))(values)
    assert (findings.rule, findings.possible) == (rule, possible)
    assert (findings.confidence, findings.unknown) == (confidence, unknown)


@pytest.mark.parametrize(("confidence", "conclusive"), [(0.7, True), (0.69, False)])
def test_the_confidence_bound_itself_is_sufficient(
    confidence: float, conclusive: bool, find: Find
) -> None:
    findings = find(program(ABC, [("a", "fail", confidence)]))({"a": True})
    assert findings.verdict == "fail"
    assert (findings.conclusive, findings.proven) == (conclusive, conclusive)


def test_an_unknown_rule_of_the_same_verdict_costs_at_most_its_confidence(find: Find) -> None:
    findings = find(program(ABC, [("a", "fail", 0.5), ("b", "fail", 0.9)]))({"b": True})
    assert (findings.verdict, findings.confidence) == ("fail", 0.5)
    assert not findings.conclusive


def test_with_a_single_verdict_even_undetermined_is_decided_but_not_proven(find: Find) -> None:
    findings = find(program(ABC, [("a", "undetermined")], verdicts=("ok",)))({"a": True})
    assert (findings.verdict, findings.rule, findings.conclusive) == ("ok", "R0", True)
    assert not findings.proven


def test_a_bad_field_that_no_rule_reads_has_no_effect(find: Find) -> None:
    rules = [("a", "fail")]
    findings = find(program(ABC, rules, derive={"unused": "b"}))({"a": False, "b": "x", "z": {}})
    assert (findings.verdict, findings.unknown) == ("ok", ())


def test_a_rule_reads_every_field_that_it_names_even_past_a_short_cut(find: Find) -> None:
    findings = find(program(ABC, [("a and b", "fail")]))({"a": False})
    assert (findings.verdict, findings.unknown) == ("ok", ("b",))


@pytest.mark.parametrize(
    ("of", "more", "raw", "says"),
    [
        ("number", {}, None, "required field f is missing or null"),
        ("number", {}, "1", "is not a number"),
        ("number", {}, True, "is not a number"),
        ("integer", {}, 1.5, "is not an integer"),
        ("string", {}, 1, "is not a string"),
        ("string", {}, "x" * 9000, "is longer than 8,192 characters"),
        ("boolean", {}, 0, "is not true or false"),
        ("list", {}, [None], "is not a list of strings and numbers"),
        ("number", {"range": (0, 5)}, 6, "is outside 0 to 5"),
        ("string", {"one_of": ("a", "b")}, "c", "is not one of a, b"),
        (
            "number",
            {"one_of": tuple(range(20))},
            99,
            "is not one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …",
        ),
        ("number", {"path": ("Some", "Thing")}, None, "required field f (Some / Thing) is missing"),
    ],
)
def test_a_required_field_that_cannot_be_used_is_invalid_input(
    of: Any, more: dict[str, Any], raw: Any, says: str, find: Find
) -> None:
    fields = [*ABC, field("f", of, **{**more, "required": True})]
    findings = find(program(fields, [("true", "fail")]))({"f": raw, "a": True})
    assert findings.invalid is not None
    assert says in findings.invalid
    assert findings.possible == findings.unknown == ()
    assert (findings.verdict, findings.conclusive, findings.proven) == (None, False, False)


def test_all_invalid_fields_are_named_at_once(find: Find) -> None:
    fields = [field("x", required=True), field("y", required=True)]
    findings = find(program(fields, [("x > 1", "fail")]))({})
    assert findings.invalid == (
        "required field x is missing or null; required field y is missing or null"
    )


def test_complete_input_costs_no_new_findings() -> None:
    find = generate(milling())
    assert find(COLD) is find(dict(COLD))


def test_findings_of_incomplete_input_are_kept_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codegen, "FINDINGS_CACHED_MAX", 1)
    find = generate(program(ABC, [("a and b and c", "fail")]))
    first, second = {"a": True, "b": True}, {"b": True, "c": True}
    assert find(first) is find(first)
    assert find(second) == find(second)
    assert find(second) is not find(second)


def test_rules_that_are_the_same_object_share_nothing_they_should_not() -> None:
    one = program(ABC, [("(a and b) == c", "fail"), ("a", "ok")])
    again = Program(one.fields, (*one.rules, one.rules[0]), one.verdicts, one.otherwise)
    for a in (True, False, None):
        for c in (True, False, None):
            values = {"a": a, "b": True, "c": c}
            assert generate(again)(values) == evaluate(again, values)


def test_findings_cannot_be_changed() -> None:
    findings = generate(milling())(COLD)
    assert {each.name for each in dataclass_fields(findings)} >= {"possible", "invalid"}
    with pytest.raises(AttributeError):
        findings.verdict = "ok"  # type: ignore[misc]  # that it is refused is the point
