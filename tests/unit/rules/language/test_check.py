"""The type check: what an author hears."""

from typing import Any, Literal

import pytest

from rules.language.check import check_expression
from rules.language.expression import Expression
from rules.language.limits import PROBLEMS_MAX
from rules.language.problems import ExpressionError
from rules.language.types import constant_type
from tests.support.programs import field, scope

FIELDS = [
    field("type", "string", path=("Type",), one_of=("L", "M", "H")),
    field("air_k", range=(200, 400)),
    field("torque_nm", path=("Torque [Nm]",)),
    field("count", "integer"),
    field("on", "boolean"),
    field("tags", "list"),
    field("message", "string"),
]
CONSTANTS = {
    "limit": {"L": 1, "M": 2, "H": 3},
    "part": {"L": 1.5},
    "alarm": {"L": True, "M": False, "H": True},
    "five": 5,
    "bad": ["a", "b"],
    "nothing": [],
    "mixed": [1, "a"],
}


def check(text: str, expect: Literal["boolean", "number"] | None = "boolean") -> Expression:
    names = scope(FIELDS, CONSTANTS)
    for name, derived in (("power", "torque_nm * 2"), ("shifted", "count + 1"), ("hot", "on")):
        names = names.with_derived(name, check_expression(derived, names))
    return check_expression(text, names, expect)


@pytest.mark.parametrize(
    ("text", "marked", "says"),
    [
        ("torqe_nm > 5", "torqe_nm", "did you mean 'torque_nm'?"),
        ("TYPE == 'L'", "TYPE", "did you mean 'type'?"),
        ("Type == 'L'", "Type", "it is called 'type'"),
        ("type == L", "L", "a string stands in quotes"),
        ("zzz > 1", "zzz", "unknown field"),
        ("air_k > '5'", "air_k > '5'", "remove the quotes"),
        ("air_k > message", "air_k > message", "cannot compare a number with a string"),
        ("'5' + air_k > 1", "'5'", "remove the quotes"),
        ("on < on", "on < on", "have no order"),
        ("air_k == null", "null", "use is null"),
        ("null in [1]", "null", "use is null"),
        ("air_k in [1, 'a']", "[1, 'a']", "mixes numbers and strings"),
        ("air_k in mixed", "mixed", "mixes numbers and strings"),
        ("air_k in [[1]]", "[1]", "cannot be an item"),
        ("air_k in ['a']", "air_k in ['a']", "cannot be in a list of strings"),
        ("on in tags", "on in tags", "cannot be in a list"),
        ("message in 'abc'", "'abc'", "contains(text, part)"),
        ("air_k in 5", "5", "write a list"),
        ("tags == tags", "tags", "cannot be compared"),
        ("[1] is null", "[1]", "never null"),
        ("limit > 3", "limit", "limit[field]"),
        ("limit['L'] > 3", "'L'", "needs a field of type string"),
        ("limit[air_k] > 3", "air_k", "needs a field of type string"),
        ("limits[type] > 3", "limits[type]", "did you mean 'limit'?"),
        ("type[type] > 3", "type[type]", "no constant map"),
        ("part[type] > 3", "part[type]", "no entry for 'M', 'H'"),
        ("limit[tipe] > 3", "tipe", "did you mean 'type'?"),
        ("min(air_k) > 1", "min(air_k)", "takes 2 to 8 arguments, not 1"),
        ("abs(1, 2) > 1", "abs(1, 2)", "takes 1 argument, not 2"),
        ("mim(air_k, 2) > 1", "mim(air_k, 2)", "did you mean 'min'?"),
        ("sqrt(air_k) > 1", "sqrt(air_k)", "unknown function"),
        ("round(air_k, -1000000000) > 1", "-1000000000", "from 0 to 9"),
        ("round(air_k, 10) > 1", "10", "from 0 to 9"),
        ("round(air_k, 1.5) > 1", "1.5", "from 0 to 9"),
        ("round(air_k, true) > 1", "true", "from 0 to 9"),
        ("round(air_k, count) > 1", "count", "from 0 to 9"),
        ("len(air_k) > 1", "air_k", "a string or a list"),
        ("len([air_k]) > 1", "[air_k]", "a string or a list"),
        ("present(5)", "5", "the name of a field"),
        ("present(air_k + 1)", "air_k + 1", "the name of a field"),
        ("contains(tags, 'a')", "tags", "takes a string"),
        ("near(air_k, 'a', 1)", "'a'", "takes a number"),
        ("on and message", "message", "compare it with something"),
        ("not air_k", "air_k", "compare it with something"),
        ("-on > 1", "on", "expected a number"),
        ("on between 1 and 2", "on", "expected a number"),
        ("air_k", "air_k", "expected a condition (true or false), this is a number"),
    ],
)
def test_a_mistake_is_refused_where_it_stands_with_its_fix(
    text: str, marked: str, says: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(text)
    (problem,) = caught.value.problems
    assert says in problem.sentence
    assert text[problem.start : problem.end] == marked


def test_all_mistakes_of_an_expression_are_told_at_once() -> None:
    with pytest.raises(ExpressionError) as caught:
        check("torqe_nm > 3 and limt[type] > 5 and foo(3)")
    assert [problem.start for problem in caught.value.problems] == [0, 17, 36]


def test_the_number_of_problems_is_bounded() -> None:
    with pytest.raises(ExpressionError) as caught:
        check(" or ".join(["zzz > 1"] * 100))
    assert len(caught.value.problems) == PROBLEMS_MAX


@pytest.mark.parametrize(
    ("text", "expect"), [("on", "number"), ("tags", None), ("bad", None), ("message", "number")]
)
def test_a_result_of_the_wrong_type_is_refused(text: str, expect: Literal["number"] | None) -> None:
    with pytest.raises(ExpressionError, match="expected a"):
        check(text, expect)


@pytest.mark.parametrize(
    ("text", "marked", "says"),
    [
        ("air_k + 1 == 3", "air_k + 1 == 3", "write near(air_k + 1, 3, 1e-9)"),
        ("on and 3 != air_k / 2", "3 != air_k / 2", "write not near(3, air_k / 2, 1e-9)"),
        ("power == 3", "power == 3", "near(power, 3, 1e-9)"),
        ("abs(power) == 3", "abs(power) == 3", "near("),
        ("-power == 3", "-power == 3", "near("),
        ("type == 'X'", "type == 'X'", "one of L, M, H"),
        ("'l' == type", "'l' == type", "did you mean 'L'?"),
        ("type in ['L', 'X']", "type in ['L', 'X']", "never 'X'"),
        ("air_k > 500", "air_k > 500", "never true: air_k lies within 200 to 400"),
        ("500 > air_k", "500 > air_k", "always true"),
        ("air_k == 100", "air_k == 100", "never true"),
        ("air_k between 9 and 3", "air_k between 9 and 3", "smaller one first"),
        ("message in []", "message in []", "empty list"),
        ("message in nothing", "message in nothing", "empty list"),
        ("1 < 2", "1 < 2", "the same for every input"),
    ],
)
def test_a_suspicious_condition_is_allowed_with_a_warning(
    text: str, marked: str, says: str
) -> None:
    (warning,) = check(text).warnings
    assert says in warning.sentence
    assert text[warning.start : warning.end] == marked


@pytest.mark.parametrize(
    "text",
    [
        "air_k == 300.5",
        "count % 2 == 0",
        "shifted == 4",
        "count * limit[type] + five == -3",
        "round(air_k + 1, 2) == 3.25",
        "floor(air_k / 2) + len(message) == 3",
        "count + round(air_k) == 3",
        "max(air_k, 300) == 300",
        "type == 'L' or type in ['M', 'H']",
        "air_k > 300 and air_k between 250 and 300",
        "alarm[type] or hot",
        "air_k is null and present(on) and tags is not null",
        "true",
        "5 in tags and 'a' in tags and message in bad and len(bad) == count",
        "on in [true, hot]",
        "min(air_k, 1, 2, 3, 4, 5, 6, 7) < pi",
    ],
)
def test_an_honest_condition_gets_no_warning(text: str) -> None:
    assert check(text).warnings == ()


@pytest.mark.parametrize("text", ["count + count / 2 == 3", "count + round(air_k, 1) == 3"])
def test_fractions_make_a_computed_number_inexact(text: str) -> None:
    assert len(check(text).warnings) == 1


def test_an_expression_names_the_fields_that_it_reads_also_through_derive() -> None:
    expression = check("power > 3 and on and limit[type] > 1 and power < 9")
    assert expression.fields == ("type", "torque_nm", "on")
    assert expression.derived == ("power",)
    assert expression.type == "boolean"


@pytest.mark.parametrize(
    ("value", "of"),
    [
        (1, "number"),
        ("a", "string"),
        (True, "boolean"),
        ([1, 2.5], "list of numbers"),
        (["a"], "list of strings"),
        ([True], "list of booleans"),
        ([], "list of nothing"),
        ({"a": 1}, "map of numbers"),
        ({"a": "b"}, "map of strings"),
        ({"a": False}, "map of booleans"),
    ],
)
def test_constants_have_a_type(value: Any, of: str) -> None:
    assert constant_type(value) == of


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "must be a number"),
        (float("nan"), "must be a number"),
        (10**400, "must be a number"),
        ([1, "a"], "mixes numbers and strings"),
        ([1, True], "mixes booleans and numbers"),
        ([1, None], "may hold"),
        ([[1]], "may hold"),
        ({}, "has no entry"),
        ({1: 2}, "keyed by strings"),
        ({"a": {"b": 1}}, "may hold"),
        ([1] * 257, "more than 256"),
        ({str(key): 1 for key in range(1025)}, "more than 1024"),
    ],
)
def test_what_cannot_be_a_constant_is_refused(value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        constant_type(value)
