"""The lexer and the parser: a tree or one problem with its place, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.language.limits import (
    DEPTH_MAX,
    LIST_ITEMS_MAX,
    NAME_CHARS_MAX,
    NODES_MAX,
    TEXT_CHARS_MAX,
)
from rules.language.names import name_problem
from rules.language.parser import parse_expression
from rules.language.problems import ExpressionError
from rules.language.syntax import Syntax


def problem_of(text: str) -> tuple[str, int, int]:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    (problem,) = caught.value.problems
    return problem.sentence, problem.start, problem.end


def spell(tree: Syntax) -> str:
    """Write a tree with a bracket around every node, so that binding shows."""
    if tree.kind == "literal":
        return f"{tree.value:g}" if isinstance(tree.value, float) else repr(tree.value)
    if tree.kind == "name":
        return tree.words[0]
    words = " ".join((tree.kind, *tree.words))
    return f"<{words}: {', '.join(map(spell, tree.parts))}>"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a or b and c", "<logic or: a, <logic and: b, c>>"),
        ("not a and b", "<logic and: <not: a>, b>"),
        ("not a == b", "<not: <comparison ==: a, b>>"),
        ("a - b + c", "<arithmetic - +: a, b, c>"),
        ("a - (b + c)", "<arithmetic -: a, <arithmetic +: b, c>>"),
        ("a + b * c", "<arithmetic +: a, <arithmetic *: b, c>>"),
        ("-a * b", "<arithmetic *: <negative: a>, b>"),
        ("a + b > c * 2", "<comparison >: <arithmetic +: a, b>, <arithmetic *: c, 2>>"),
        ("a between 1 and 2 and b", "<logic and: <between: a, 1, 2>, b>"),
        ("a not in [1, 2]", "<in not: a, <list: 1, 2>>"),
        ("a is not null or b", "<logic or: <is null not: a>, b>"),
        ("a IS NULL OR Not b", "<logic or: <is null: a>, <not: b>>"),
        ("limit[type] < min(a, 1)", "<comparison <: <lookup limit: type>, <call min: a, 1>>"),
        ("[]", "<list: >"),
        (r"'it\'s \\ \n'", repr("it's \\ n")),
        ("1.5e3", "1500"),
        ("온도 > 85", "<comparison >: 온도, 85>"),
    ],
)
def test_operators_bind_as_the_grammar_says(text: str, tree: str) -> None:
    assert spell(parse_expression(text)) == tree


def test_every_node_knows_where_it_stands() -> None:
    text = "  a + 1  >  limit[type]"
    tree = parse_expression(text)
    left, right = tree.parts
    assert text[tree.start : tree.end] == "a + 1  >  limit[type]"
    assert text[left.start : left.end] == "a + 1"
    assert text[right.start : right.end] == "limit[type]"


def test_names_are_equal_in_every_normal_form() -> None:
    decomposed, composed = "\u1100\u1161", "\uac00"
    assert parse_expression(decomposed).words == parse_expression(composed).words == (composed,)


@pytest.mark.parametrize(
    ("text", "start", "end", "says"),
    [
        ("a = 3", 2, 3, "use == to compare"),
        ("a & b", 2, 3, "use and"),
        ("a && b", 2, 4, "use and"),
        ("a | b", 2, 3, "use or"),
        ("a || b", 2, 4, "use or"),
        ("!a", 0, 1, "use not"),
        ("a => 3", 2, 4, "write >="),
        ("a =< 3", 2, 4, "write <="),
        ("a <> 3", 2, 4, "write !="),
        ("a ** 2", 2, 4, "multiply"),
        ("a ^ 2", 2, 3, "multiply"),
        ("a // 2", 2, 4, "floor()"),
        ("a ≥ 2", 2, 3, "write >="),
        ("a == “x”", 5, 6, "straight quotes"),
        ("a.b > 1", 1, 2, "declare a nested value with path"),
        (".5 > a", 0, 1, "begin with a digit"),
        ("a == 'x", 5, 7, "not closed"),
        ("a == 'x\\", 5, 8, "not closed"),
        ("85km > a", 0, 3, "ends in letters"),
        ("1_000 > a", 0, 2, "ends in letters"),
        ("a > 9007199254740993", 4, 20, "out of range"),
        ("a > 1e999", 4, 9, "out of range"),
        ("a > 1 < 2", 6, 7, "use between"),
        ("a == b in [c]", 7, 9, "cannot be chained"),
        ("a b", 2, 3, "put an operator"),
        ("a > 1)", 5, 6, "after the end of the expression"),
        ("(a", 2, 3, "( opened in column 1"),
        ("min(a", 5, 6, "( opened in column 4"),
        ("[1, 2", 5, 6, "[ opened in column 1"),
        ("[1, ]", 4, 5, "expected a value"),
        ("a[b", 3, 4, "[ opened in column 2"),
        ("a >", 3, 4, "the end of the expression"),
        ("", 0, 1, "expected a value"),
        ("a between 1 or 2", 12, 14, "expected and"),
        ("a is 3", 5, 6, "expected null"),
        ("a not b", 6, 7, "expected in"),
        ("a == not b", 5, 8, "into parentheses"),
        ("a > \u0663", 4, 5, "unexpected"),
        ("a\u200bb", 1, 2, "unexpected"),
        ("a\u202eb", 1, 2, "unexpected"),
        ("lambda: 1", 6, 7, "unexpected"),
        ("f'{a}'", 1, 6, "a string"),
        ("x" * (NAME_CHARS_MAX + 1), 0, NAME_CHARS_MAX + 1, "name is longer"),
    ],
)
def test_a_slip_is_refused_where_it_stands(text: str, start: int, end: int, says: str) -> None:
    sentence, *place = problem_of(text)
    assert says in sentence
    assert place == [start, end]


@pytest.mark.parametrize(
    ("at_the_limit", "beyond", "says"),
    [
        ("a" + " " * (TEXT_CHARS_MAX - 1), "a" + " " * TEXT_CHARS_MAX, "longer than 4,096"),
        (
            "(" * (DEPTH_MAX - 1) + "a" + ")" * (DEPTH_MAX - 1),
            "(" * DEPTH_MAX + "a" + ")" * DEPTH_MAX,
            "nested deeper",
        ),
        ("-" * (DEPTH_MAX - 1) + "a", "-" * DEPTH_MAX + "a", "nested deeper"),
        (f"[{'1,' * (LIST_ITEMS_MAX - 1)}1]", f"[{'1,' * LIST_ITEMS_MAX}1]", "more than 256"),
        ("+".join("a" * (NODES_MAX - 1)), "+".join("a" * NODES_MAX), "more than 400 parts"),
    ],
)
def test_the_limits_are_where_they_are_said_to_be(
    at_the_limit: str, beyond: str, says: str
) -> None:
    parse_expression(at_the_limit)
    assert says in problem_of(beyond)[0]


_WORDS = st.sampled_from(
    [
        "a",
        "b",
        "온도",
        "1",
        "2.5",
        "'x'",
        '"y',
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        "=",
        "&",
        "|",
        "!",
        "and",
        "or",
        "not",
        "in",
        "between",
        "is",
        "null",
        "true",
        "false",
        "pi",
        "min",
        "round",
        "present",
        "near",
        ".",
        ";",
        "\\",
        "{",
        "\x00",
        "\u202e",
        "�",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=40).map(" ".join)))
def test_any_text_gives_a_tree_or_a_problem_with_its_place(text: str) -> None:
    places = []
    try:
        tree = parse_expression(text)
        places.append((tree.start, tree.end))
    except ExpressionError as error:
        places += [(problem.start, problem.end) for problem in error.problems]
    assert places
    assert all(0 <= start < end <= len(text) + 1 for start, end in places)


@pytest.mark.parametrize("name", ["a", "온도", "_x1", "min", "__class__", "t0", "k1", "get"])
def test_ordinary_names_can_be_used(name: str) -> None:
    assert name_problem(name) is None
    assert parse_expression(name).words == (name,)


@pytest.mark.parametrize(
    "name",
    ["", "1a", "a b", "a.b", "and", "NULL", "True", "pi", "\u1100\u1161", "a" * 65, "a\u200b"],
)
def test_names_that_no_expression_could_mention_are_refused(name: str) -> None:
    assert name_problem(name) is not None
