"""What expressions mean, in both evaluators: true (True), false (False), UNKNOWN (None)."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from rules.findings import Findings
from rules.language.codegen import generate
from rules.language.limits import FIELD_ITEMS_MAX, STRING_CHARS_MAX
from rules.language.reference import evaluate
from rules.program import Program
from tests.support.programs import field, holds, program

Find = Callable[[Program], Callable[[dict[str, Any]], Findings]]

FIELDS = [
    field("x"),
    field("y"),
    field("s", "string"),
    field("t", "string"),
    field("p", "boolean"),
    field("q", "boolean"),
    field("n", "integer"),
    field("tags", "list"),
    field("deep", path=("a", "b")),
    field("ranged", range=(0, 10)),
    field("kind", "string", one_of=("L", "가")),
    field("step", one_of=(1, 2.5)),
    field("온도"),
]


def interpret(of: Program) -> Callable[[dict[str, Any]], Findings]:
    return lambda values: evaluate(of, values)


@pytest.fixture(params=[generate, interpret], ids=["generated", "reference"])
def find(request: pytest.FixtureRequest) -> Find:
    return request.param  # type: ignore[no-any-return]  # pytest types it as Any


def ask(text: str, find: Find, **values: Any) -> Any:
    return holds(text, FIELDS, find, values)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("x > 85", {}, None),
        ("x > 85", {"x": None}, None),
        ("x < 85", {"x": None}, None),
        ("x > 85", {"x": "90"}, None),
        ("x > 0", {"x": True}, None),
        ("p", {"p": 1}, None),
        ("s == 'a'", {"s": 1}, None),
        ("s != 'OK'", {}, None),
        ("s in ['a']", {}, None),
        ("not (s in ['a'])", {}, None),
        ("not (x > 85)", {}, None),
        ("x > 1 or true", {}, True),
        ("true or x > 1", {}, True),
        ("x > 1 and false", {}, False),
        ("false and x > 1", {}, False),
        ("x > 89.5", {"x": 90}, True),
        ("x == 90", {"x": 90.0}, True),
        ("x > 85", {"x": math.inf}, None),
        ("x > 85", {"x": -math.inf}, None),
        ("x != 85", {"x": math.nan}, None),
        ("x > 85", {"x": 10**400}, None),
        ("x > 85", {"x": 2**70}, True),
        ("x / 0 > 1", {"x": 1}, None),
        ("x % 0 > 1", {"x": 1}, None),
        ("x / y > 1", {"x": 1, "y": 0}, None),
        ("x % y > 1", {"x": 1, "y": -0.0}, None),
        ("x * 10 > 1", {"x": 1e308}, None),
        ("1 / (x * 10) == 0", {"x": 1e308}, None),
        ("1 % (x * 10) == 1", {"x": 1e308}, None),
        ("1 / (x / y) == 0", {"x": 1, "y": 1e-320}, None),
        ("min(x * 10, 1) == 1", {"x": 1e308}, None),
        ("x * 10 / 1e300 > 1", {"x": 1e308}, None),
        ("(x / y) * 0 == 0", {"x": 1, "y": 1e-320}, None),
        ("x / y * 0 == 0", {"x": 1, "y": 1e-320}, None),
        ("x / y % 2 == 0", {"x": 1, "y": 1e-320}, None),
        ("x - x == 0", {"x": 5}, True),
        ("온도 > 85", {"온도": 86}, True),
        ("len('온도') == 2", {}, True),
        ("s == '\uac00'", {"s": "\u1100\u1161"}, True),
        ("s == '\u1100\u1161'", {"s": "\uac00"}, True),
        ("len(s) == 1", {"s": "\u1100\u1161"}, True),
        ("kind == '\uac00'", {"kind": "\u1100\u1161"}, True),
        ("0.1 + 0.2 == 0.3", {}, False),
        ("near(0.1 + 0.2, 0.3, 1e-9)", {}, True),
        ("near(x, y, 0.5)", {"x": 1, "y": 1.5}, True),
        ("near(x, y, 0.5)", {"x": 1, "y": 1.6}, False),
        ("near(x, y, 1)", {"x": 1e308, "y": -1e308}, None),
        ("deep > 1", {"a": {"b": 2}}, True),
        ("deep > 1", {}, None),
        ("deep > 1", {"a": None}, None),
        ("deep > 1", {"a": [2]}, None),
        ("deep > 1", {"a": {"b": {}}}, None),
        ("ranged > 1", {"ranged": 10}, True),
        ("ranged > 1", {"ranged": 10.1}, None),
        ("ranged > 1", {"ranged": -1}, None),
        ("kind == 'L'", {"kind": "L"}, True),
        ("kind == 'L'", {"kind": "X"}, None),
        ("kind == 'L'", {"kind": ["L"]}, None),
        ("step > 1", {"step": 2.5}, True),
        ("step > 1", {"step": 1}, False),
        ("step > 1", {"step": 2}, None),
        ("n == 3", {"n": 3}, True),
        ("n == 3", {"n": 3.0}, True),
        ("n == 3", {"n": 3.5}, None),
        ("n == 3", {"n": True}, None),
        ("x between 1 and 3", {"x": 1}, True),
        ("x between 1 and 3", {"x": 3}, True),
        ("x between 1 and 3", {"x": 3.1}, False),
        ("x between 1 and y", {"x": 0}, None),
        ("3 between 4 and x / 0", {"x": 1}, None),
        ("x in [1, 2]", {"x": 2}, True),
        ("x in [1, y]", {"x": 1}, True),
        ("x in [1, y]", {"x": 2}, None),
        ("x not in [1, y]", {"x": 1}, False),
        ("x not in [1, y]", {"x": 2}, None),
        ("x in []", {"x": 1}, False),
        ("x in []", {}, None),
        ("s in tags", {"s": "a", "tags": ["a", 1]}, True),
        ("x in tags", {"x": 1, "tags": ["a", 1]}, True),
        ("x in tags", {"x": 2, "tags": ["a", 1]}, False),
        ("x in tags", {"x": 1, "tags": ["a", 1, None]}, None),
        ("x in tags", {"x": 1, "tags": [1, True]}, None),
        ("x in tags", {"x": 1, "tags": [1, math.nan]}, None),
        ("x in tags", {"x": 1, "tags": "1"}, None),
        ("len(tags) == 2", {"tags": ["a", 1]}, True),
        ("len(tags) > 0", {"tags": [1] * FIELD_ITEMS_MAX}, True),
        ("len(tags) > 0", {"tags": [1] * (FIELD_ITEMS_MAX + 1)}, None),
        ("len(s) > 0", {"s": "a" * STRING_CHARS_MAX}, True),
        ("len(s) > 0", {"s": "a" * (STRING_CHARS_MAX + 1)}, None),
        ("x is null", {}, True),
        ("x is null", {"x": "90"}, True),
        ("x is not null", {"x": 1}, True),
        ("present(x)", {"x": 1}, True),
        ("present(x)", {"x": True}, False),
        ("(x / y) is null", {"x": 1, "y": 0}, True),
        ("(x > y) is null", {"x": 1}, True),
        ("(x > y) is null", {"x": 1, "y": 0}, False),
        ("s is null or s == 'a'", {}, True),
        ("tags is not null", {"tags": []}, True),
        ("(x > 1) == p", {"x": 2, "p": True}, True),
        ("(x > 1) == p", {"x": 2}, None),
        ("(x > 1) != (y > 1)", {"x": 2, "y": 1}, True),
        ("(x > 1) in [p, q]", {"x": 2, "p": True}, True),
        ("(x > 1) in [p, q]", {"x": 2, "p": False}, None),
        ("s < t", {"s": "a", "t": "b"}, True),
        ("s >= t", {"s": "a"}, None),
        ("abs(-x) == 2", {"x": -2}, True),
        ("floor(x) == -3", {"x": -2.5}, True),
        ("ceil(x) == -2", {"x": -2.5}, True),
        ("round(x) == 2", {"x": 2.5}, True),
        ("round(x, 1) == 2.4", {"x": 2.449}, True),
        ("round(x * 1, 2) == x", {"x": 1.7e308}, True),
        ("min(x, y, 3) == 1 and max(x, y) == 2", {"x": 2, "y": 1}, True),
        ("-7 % 3 == 2 and x % -3 == -2", {"x": 7}, True),
        ("10 - 4 - 3 == 3 and 16 / 4 / 2 == 2 and 7 * 3 % 4 == 1", {}, True),
        ("startswith(s, 'a') and endswith(s, 'c') and contains(s, 'b')", {"s": "abc"}, True),
        ("p", {"p": True}, True),
        ("not p", {"p": True}, False),
    ],
)
def test_a_condition_is_true_false_or_unknown(
    text: str, values: dict[str, Any], expected: bool | None, find: Find
) -> None:
    assert ask(text, find, **values) is expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        *((f"x {operator} y", {"x": 1, "y": 2}) for operator in ("<", "<=", ">", ">=", "==", "!=")),
        *((f"s {operator} t", {"s": "a", "t": "b"}) for operator in ("<", "<=", ">", ">=", "==")),
        *((f"x {operator} y > 0", {"x": 1, "y": 2}) for operator in "+-*/%"),
        *((f"{name}(x) > 0", {"x": 1}) for name in ("abs", "floor", "ceil", "round", "-")),
        *((f"{name}(x, y) > 0", {"x": 1, "y": 2}) for name in ("min", "max")),
        *((f"{name}(s, t)", {"s": "a", "t": "b"}) for name in ("startswith", "endswith")),
        ("contains(s, t)", {"s": "a", "t": "b"}),
        ("near(x, y, ranged)", {"x": 1, "y": 2, "ranged": 3}),
        ("x between y and ranged", {"x": 1, "y": 2, "ranged": 3}),
        ("len(s) > 0", {"s": "a"}),
        ("len(tags) > 0", {"tags": ["a"]}),
        ("round(x, 2) > 0", {"x": 1}),
        ("p == q", {"p": True, "q": False}),
        ("p != q", {"p": True, "q": False}),
        ("s in tags", {"s": "b", "tags": ["a"]}),
        ("s not in tags", {"s": "b", "tags": ["a"]}),
        ("x in [5, y]", {"x": 1, "y": 2}),
        ("x not in [5, y]", {"x": 1, "y": 2}),
        ("s in [t]", {"s": "a", "t": "b"}),
        ("not p", {"p": True}),
        ("p and q", {"p": True, "q": True}),
        ("p or q", {"p": False, "q": False}),
    ],
)
def test_each_operand_that_is_missing_makes_it_unknown(
    text: str, values: dict[str, Any], find: Find
) -> None:
    assert ask(text, find, **values) is not None
    for name in values:
        assert ask(text, find, **{**values, name: None}) is None, name


@pytest.mark.parametrize("first", ["true", "false", "p"])
@pytest.mark.parametrize("second", ["true", "false", "p"])
@pytest.mark.parametrize("operator", ["and", "or"])
def test_and_and_or_follow_kleene_in_either_order(
    first: str, second: str, operator: str, find: Find
) -> None:
    known = {"true": 1.0, "p": 0.5, "false": 0.0}
    wanted = (min if operator == "and" else max)(known[first], known[second])
    expected = {1.0: True, 0.5: None, 0.0: False}[wanted]
    assert ask(f"{first} {operator} {second}", find) is expected


CONSTANTS = {
    "limit": {"a": 1, "가": 2},
    "name": {"a": "b"},
    "flag": {"a": True, "b": False},
    "five": 5,
    "words": ["a", "나"],
}


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("limit[s] < 2", {"s": "a"}, True),
        ("limit[s] < 2", {"s": "\u1100\u1161"}, False),
        ("limit[s] < 2", {"s": "z"}, None),
        ("limit[s] < 2", {}, None),
        ("limit[s] + limit[t] == 3", {"s": "a", "t": "가"}, True),
        ("limit[s] is null", {"s": "z"}, True),
        ("name[s] == 'b'", {"s": "a"}, True),
        ("name[s] == 'b'", {"s": "z"}, None),
        ("len(name[s]) == 1", {"s": "z"}, None),
        ("flag[s]", {"s": "a"}, True),
        ("flag[s]", {"s": "b"}, False),
        ("flag[s]", {"s": "z"}, None),
        ("flag[s] == true", {"s": "z"}, None),
        ("flag[s] is null", {"s": "z"}, True),
        ("x == five", {"x": 5}, True),
        ("s in words", {"s": "나"}, True),
        ("len(words) == 2", {}, True),
        ("pi > 3.14159 and pi < 3.1416", {}, True),
        ("ratio > 1", {"x": 4, "y": 2}, True),
        ("ratio > 1", {"x": 4, "y": 0}, None),
        ("ratio is null", {"x": 4, "y": 0}, True),
        ("twice > 3", {"x": 4, "y": 2}, True),
        ("which == 'b'", {"s": "a"}, True),
        ("which is null", {"s": "z"}, True),
        ("large", {"x": 4, "y": 2}, True),
        ("large", {"x": 4}, None),
        ("present(large)", {"x": 4}, False),
    ],
)
def test_constants_look_ups_and_derived_values(
    text: str, values: dict[str, Any], expected: bool | None, find: Find
) -> None:
    one = program(
        FIELDS,
        [(text, "yes")],
        constants=CONSTANTS,
        derive={
            "ratio": "x / y",
            "twice": "ratio * 2",
            "which": "name[s]",
            "large": "twice > 3 and x > 1",
        },
        otherwise="no",
        verdicts=("yes", "no"),
    )
    possible = find(one)(values).possible
    assert {("yes",): True, ("no",): False, ("yes", "no"): None}[possible] is expected
