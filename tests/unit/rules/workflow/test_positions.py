"""Every problem stands where its cause stands, however YAML spells the value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.workflow.problems import Problem
from rules.workflow.source import Mark, value_offsets
from rules.workflow.yaml_reader import read_tree
from tests.support.workflows import problems_of, yaml_text

SPELLINGS = {
    "plain": "when: x > 3 and nope < 5",
    "plain over lines": "when: x > 3\n      and\n\n      nope < 5",
    "single": "when: 'x > 3 and s == ''its'' and nope < 5'",
    "double": 'when: "x > 3 and s == \\"a\\\\\\\\\\u00e9\\" and nope < 5"',
    "double over lines": 'when: "x > 3 \\\n      and nope < 5"',
    "literal": "when: |\n      x > 3\n        and\n      nope < 5",
    "literal stripped": "when: |-  # why\n      x > 3 and nope < 5",
    "folded": "when: >-\n      x > 3\n      and\n\n      nope < 5",
    "in braces": "when: x > 3 and nope < 5, verdict: ok}",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_caret_stands_under_the_word_that_is_wrong(name: str) -> None:
    spelled = SPELLINGS[name]
    opening = "{id: A, " if name == "in braces" else "id: A\n    verdict: ok\n    "
    text = yaml_text(rules=f"\n  - {opening}{spelled}\n")

    [problem] = problems_of(text)

    line = text.split("\n")[problem.line - 1]
    assert line[problem.column - 1 :].startswith("nope")
    assert problem.width == 4
    assert problem.path == "rules[0].when"
    assert problem.message == "unknown field 'nope'"


def test_carets_stand_right_below_wide_letters() -> None:
    rules = "\n  - id: A\n    verdict: ok\n    when: s == '온도' and 습도 > 3\n"

    [problem] = problems_of(yaml_text(rules=rules))

    source, carets = problem.caret.split("\n")
    # Each Korean letter takes two columns of a terminal.
    assert source.index("습도") + 2 == carets.index("^")
    assert carets.count("^") == 4


@given(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs", "Cc"]), max_size=40)
)
def test_offsets_lead_to_the_same_characters_in_single_quotes(value: str) -> None:
    text = "a: '" + value.replace("'", "''") + "'"

    offsets = value_offsets(text, Mark(None, (3, len(text)), "single"), value)

    assert [text[offset] for offset in offsets[:-1]] == list(value)
    assert offsets == sorted(offsets)


@given(
    st.lists(
        st.text("abc>+ ()", min_size=1, max_size=9).filter(lambda line: line == line.strip()),
        min_size=1,
        max_size=5,
    )
)
def test_offsets_lead_to_the_same_characters_in_blocks(lines: list[str]) -> None:
    text = "a: |\n" + "".join(f"  {line}\n" for line in lines)
    tree = read_tree(text, "w")

    offsets = value_offsets(text, tree.source.marks[("a",)], tree.data["a"])

    pairs = zip(offsets, tree.data["a"], strict=False)
    assert all(text[offset] == char for offset, char in pairs if not char.isspace())


@pytest.mark.parametrize(
    ("body", "line", "column", "width"),
    [
        ("titel: x\n", 5, 1, 5),
        ("owner:\n", 5, 1, 5),
        ("title: 5\n", 5, 8, 1),
        ("llm: {may_decide: [ok, nope]}\n", 5, 24, 4),
        ("otherwise: {confidence: 0.5}\n", 5, 1, 9),
        ("min_confidence: high\n", 5, 17, 4),
        ("constants: {k: [1, a]}\n", 5, 16, 6),
    ],
)
def test_problems_of_shape_and_meaning_have_places(
    body: str, line: int, column: int, width: int
) -> None:
    [problem] = problems_of(yaml_text(body))

    assert (problem.line, problem.column, problem.width) == (line, column, width)


def test_a_problem_is_told_like_a_compiler_does() -> None:
    [problem] = problems_of(yaml_text("titel: x\n"))

    assert problem.render() == (
        "w.yaml:5:1: error: unknown key `titel`\n"
        "    titel: x\n"
        "    ^^^^^\n"
        "    fix: did you mean `title`?"
    )


def test_a_long_line_is_shown_around_its_caret() -> None:
    text = yaml_text("title: " + "x" * 2_000 + "\n")

    [problem] = problems_of(text)
    far = Problem("w", "", "m", None, 1, 1_500, "y" * 1_499 + "z" + "y" * 500)

    assert len(problem.caret.split("\n")[0]) < 200
    source, carets = far.caret.split("\n")
    assert source[carets.index("^")] == "z"
