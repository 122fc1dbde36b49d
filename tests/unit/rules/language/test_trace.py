"""Explanations: what was compared with what, and what was nearly true."""

from typing import Any

import pytest

from rules.language.codegen import generate
from rules.language.trace import RuleTrace, explain
from rules.program import Program
from tests.support.programs import field, milling, program

OK = {
    "Type": "M",
    "Air temperature [K]": 298.0,
    "Process temperature [K]": 308.5,
    "Rotational speed [rpm]": 1500,
    "Torque [Nm]": 40,
    "Tool wear [min]": 150,
}
FIELDS = [
    field("x"),
    field("y"),
    field("s", "string"),
    field("p", "boolean"),
    field("tags", "list"),
]


def trace(text: str, **values: Any) -> RuleTrace:
    (rule,) = explain(program(FIELDS, [(text, "fail")]), values).rules
    return rule


def test_an_explanation_holds_what_the_generated_function_finds() -> None:
    for values in (OK, {"Type": "L"}, {}, {**OK, "Tool wear [min]": 201}):
        assert explain(milling(), values).findings == generate(milling())(values)


def test_a_judgment_is_explained_in_plain_words() -> None:
    lines = explain(milling(), {"Type": "L", "Tool wear [min]": 200, "Torque [Nm]": 60}).lines()
    assert lines == [
        "fail with confidence 0.99 (rule R2: because 2)",
        "cannot be used: air_k is missing or null",
        "cannot be used: process_k is missing or null",
        "cannot be used: rpm is missing or null",
        "derived: power_w = unknown",
        "rule R0 (fail) is unknown: process_k - air_k < 8.6 and rpm < 1380",
        "  process_k - air_k < 8.6 is unknown (process_k - air_k is unknown)",
        "  rpm < 1380 is unknown (rpm is unknown)",
        "  it would be true if process_k - air_k < 8.6 were known and true",
        "  and rpm < 1380 were known and true",
        "rule R1 (fail) is unknown: power_w < 3500 or power_w > 9000",
        "  power_w < 3500 is unknown (power_w is unknown)",
        "  power_w > 9000 is unknown (power_w is unknown)",
        "  it would be true if power_w < 3500 were known and true",
        "rule R2 (fail) is true: wear_min * torque_nm > overstrain_limit[type]",
        "  wear_min * torque_nm > overstrain_limit[type] is true (wear_min * torque_nm is 12000, compared with 11000)",
        "not reached: R3",
    ]


def test_a_rule_that_did_not_fire_says_by_how_much() -> None:
    lines = explain(milling(), OK).lines()
    assert lines[0] == "ok with confidence 0.95 (no rule is true)"
    assert "  it would be true if wear_min were at least 200 (it is 150; 50 more)" in lines
    assert "  it would be true if process_k - air_k were below 8.6 (it is 10.5; 1.9 less)" in lines
    assert "  and rpm were below 1380 (it is 1500; 120 less)" in lines


def test_invalid_input_is_explained_by_what_is_wrong_with_it() -> None:
    explanation = explain(milling(), {"Type": "X"})
    assert explanation.rules == ()
    assert explanation.lines() == [
        "invalid input: required field type (Type) is not one of L, M, H"
    ]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"x": 1}, "undetermined, possible are ok, fail (rule R1: because 1)"),
        ({"x": 9}, "fail with confidence 0.5, below min_confidence (rule R0: because 0)"),
    ],
)
def test_the_first_line_says_what_was_found(values: dict[str, Any], line: str) -> None:
    rules = [("x > 5", "fail", 0.5), ("x > 0", "undetermined", 1.0)]
    assert explain(program(FIELDS, rules), values).lines()[0] == line


def test_a_comparison_is_traced_with_its_values_and_place() -> None:
    rule = trace("p and 5 < x + y", x=1.0, y=2.0, p=True)
    flag, comparison = rule.comparisons
    assert (flag.text, flag.form, flag.value, flag.holds) == ("p", "flag", True, True)
    assert rule.text[comparison.start : comparison.end] == comparison.text == "5 < x + y"
    assert (comparison.subject, comparison.operator) == ("x + y", ">")
    assert (comparison.value, comparison.bound, comparison.holds) == (3.0, 5.0, False)
    assert comparison.names == ("x", "y")


@pytest.mark.parametrize(
    ("text", "form", "value", "bound"),
    [
        ("x between 1 and y", "between", 2.0, (1.0, None)),
        ("x in [1, y]", "in", 2.0, (1.0, None)),
        ("s in tags", "in", "a", ("b", 1.0)),
        ("x is null", "null test", 2.0, None),
        ("present(y)", "null test", None, None),
        ("near(x, 3, 0.5)", "function", 2.0, (3.0, 0.5)),
        ("contains(s, 'z')", "function", "a", "z"),
        ("p == false", "comparison", None, False),
    ],
)
def test_every_form_shows_its_subject_and_its_bound(
    text: str, form: str, value: Any, bound: Any
) -> None:
    (comparison,) = trace(text, x=2, s="a", tags=["b", 1]).comparisons
    assert (comparison.form, comparison.value, comparison.bound) == (form, value, bound)


@pytest.mark.parametrize(
    ("text", "values", "changes"),
    [
        ("x > 5", {"x": 3}, [("x > 5", ">", 2.0)]),
        ("not x > 5", {"x": 7}, [("x > 5", "<=", -2.0)]),
        (
            "not (x == 5 or y != 1)",
            {"x": 5, "y": 2},
            [("x == 5", "!=", 0.0), ("y != 1", "==", -1.0)],
        ),
        ("x between 2 and 4", {"x": 5}, [("x between 2 and 4", None, -1.0)]),
        ("not x between 2 and 9", {"x": 3}, [("x between 2 and 9", None, -1.0)]),
        ("x > 5 or x > 50", {"x": 3}, [("x > 5", ">", 2.0)]),
        ("x > 5 and y > 5 or s == 'b'", {"x": 3, "y": 3, "s": "a"}, [("s == 'b'", "==", None)]),
        ("x > 5 and y > 5", {"x": 3, "y": 9}, [("x > 5", ">", 2.0)]),
        ("x > 5", {}, [("x > 5", ">", None)]),
        ("x in [1]", {"x": 3}, [("x in [1]", None, None)]),
        ("x > 5 and false", {"x": 3}, []),
        ("x > 5", {"x": 6}, []),
        ("x > 5 and x > 6 and x > 7 and x > 8", {"x": 1}, []),
    ],
)
def test_a_near_miss_is_the_fewest_comparisons_that_must_change(
    text: str, values: dict[str, Any], changes: list[Any]
) -> None:
    found = trace(text, **values).changes
    assert [(each.comparison.text, each.operator, each.difference) for each in found] == changes


@pytest.mark.parametrize(
    ("text", "values", "line"),
    [
        ("x between 1 and 3", {"x": 4.5}, "x were between 1 and 3 (it is 4.5; 1.5 less)"),
        ("not x between 1 and 3", {"x": 2.5}, "x were not between 1 and 3 (it is 2.5; 0.5 more)"),
        ("s == 'b'", {"s": "a"}, "s were equal to 'b' (it is 'a')"),
        ("s in ['b']", {"s": "a"}, "s in ['b'] were true"),
        ("not p", {"p": True}, "p were false"),
        ("not p", {}, "p were known and false"),
    ],
)
def test_near_misses_are_told_in_plain_words(text: str, values: dict[str, Any], line: str) -> None:
    lines = explain(program(FIELDS, [(text, "fail")]), values).lines()
    assert f"  it would be true if {line}" in lines


def test_the_nearest_of_equally_many_changes_is_told() -> None:
    (change,) = trace("x > 500 or y > 10", x=1, y=9).changes
    assert change.comparison.text == "y > 10"


def test_long_values_are_cut() -> None:
    lines = explain(
        program(FIELDS, [("contains(s, 'b') or 5 in tags", "fail")]),
        {"s": "a" * 5_000, "tags": ["x"] * 1_000},
    ).lines()
    assert max(map(len, lines)) < 200


def test_derived_values_of_the_walked_rules_are_shown_with_what_they_stand_on() -> None:
    one = program(
        FIELDS,
        [("c > 1", "fail"), ("d > 1", "ok")],
        derive={"a": "x * 2", "b": "x > 1", "c": "a + 1", "d": "y"},
    )
    assert explain(one, {"x": 3}).derived == (("a", 6.0), ("c", 7.0))


def test_explaining_leaves_out_what_was_not_reached() -> None:
    one: Program = program(FIELDS, [("x > 1", "fail"), ("y > 1", "ok")])
    explanation = explain(one, {"x": 3})
    assert [rule.id for rule in explanation.rules] == ["R0"]
    assert explanation.not_reached == ("R1",)
