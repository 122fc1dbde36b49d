"""Plain scalars mean what the YAML 1.2 core schema says, and nothing else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.workflow.scalars import (
    ScalarError,
    canonical_number,
    clean_text,
    is_cut,
    resolve_plain,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("NULL", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("012", 12),
        ("0o17", 15),
        ("0xFf", 255),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.", 2),
        ("1e3", 1000),
        ("3.0", 3),
        ("1e300", 1e300),
    ],
)
def test_what_the_core_schema_resolves_is_no_text(text: str, value: object) -> None:
    resolved = resolve_plain(text)

    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "N",
        "1_000",
        "1:30",
        "0b1",
        "2024-01-01",
        "nan",
        "inf",
        "tRUE",
        "０",
        "12 V",
    ],
)
def test_what_yaml_1_1_would_have_turned_into_something_else_stays_text(text: str) -> None:
    assert resolve_plain(text) == text


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", "9007199254740993", "1e17", "1" * 399]
)
def test_numbers_that_a_double_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="a double cannot hold") as caught:
        resolve_plain(text)
    assert "quotes" in caught.value.hint


def test_a_longer_run_of_digits_than_any_number_has_is_text() -> None:
    assert resolve_plain("1" * 500) == "1" * 500


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_canonical_numbers_are_equal_to_what_was_written(number: float) -> None:
    assume(not 2**53 < abs(number) < 1e21)

    canonical = canonical_number(number)

    assert canonical == number
    assert canonical_number(canonical) == canonical
    assert isinstance(canonical, int) == (float(number).is_integer() and abs(number) <= 2**53)


def test_two_escapes_of_one_letter_become_that_letter() -> None:
    assert clean_text("\ud83d\ude00") == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("text", "said"), [("\ud83d", "surrogate"), ("a\0b", "NUL"), ("한\0", "NUL")]
)
def test_text_that_cannot_travel_is_refused(text: str, said: str) -> None:
    with pytest.raises(ScalarError, match=said):
        clean_text(text)


def test_decomposed_letters_are_composed() -> None:
    assert clean_text("\u1112\u1161\u11ab") == "한"


@pytest.mark.parametrize("text", ["max(a", "x == 'a", 'x == "a', "a in [1", "('", "f(g(x)"])
def test_an_opening_without_its_end_is_a_cut(text: str) -> None:
    assert is_cut(text)


@pytest.mark.parametrize(
    "text", ["the tool's end", "max(a, b)", "x == '('", "tools' end", ")", "5'", "", 'a "b" c']
)
def test_prose_and_whole_expressions_are_no_cut(text: str) -> None:
    assert not is_cut(text)
