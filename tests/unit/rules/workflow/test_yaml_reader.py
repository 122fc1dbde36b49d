"""YAML is read strictly: what could surprise is refused, with its place and its fix."""

import json
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.workflow.builder import DEPTH_MAX, NODES_MAX, Builder, BuildError, Piece
from rules.workflow.problems import WorkflowErrors
from rules.workflow.yaml_reader import TEXT_BYTES_MAX, read_tree
from tests.support.workflows import make_document, problems_of, yaml_text

REFUSED = {
    "a duplicate key": ("a: 1\nb: 2\na: 3", 3, 1, "`a` is here twice"),
    "a duplicate key in braces": ("a: {b: 1, b: 2}", 1, 11, "`b` is here twice"),
    "a duplicate key in other letters": ("\u1112\u1161: 1\n하: 2", 2, 1, "`하` is here twice"),
    "an anchor": ("a: &x 1", 1, 4, "an anchor, &x"),
    "an anchor of a collection": ("a: &x\n  b: 1", 1, 4, "an anchor"),
    "an alias": ("a: 1\nb: *a", 2, 4, "an alias"),
    "an alias as a key": ("*a : 1", 1, 1, "an alias"),
    "a tag": ("a: !!str 5", 1, 4, "a tag"),
    "a tag of ours": ("a: !x 5", 1, 4, "a tag"),
    "a merge key": ("<<: {b: 1}", 1, 1, "a merge key"),
    "a directive": ("%YAML 1.1\n---\na: 1", 1, 1, "a YAML directive"),
    "a second document": ("a: 1\n---\nb: 1", 2, 1, "a second document"),
    "a number as key": ("a: {1: x}", 1, 5, "the key 1 is no text"),
    "a truth as key": ("true: x", 1, 1, "the key true is no text"),
    "an empty key": (": x", 1, 1, "is no text"),
    "a list as key": ("? [a]\n: 1", 1, 3, "a key must be text"),
    "a tab": ("a:\n\tb: 1", 2, 1, "a tab"),
    "a colon": ("when: a ? b: c", 1, 12, "`: ` inside an unquoted value"),
    "an at sign": ("a: @x", 1, 4, "cannot begin with this character"),
    "text behind a quoted value": ("when: 'a' == s", 1, 11, "goes on behind"),
    "an unclosed quote": ('a: "b', 1, 4, "this quote is never closed"),
    "a quote that the next one closes": (
        'a: 1\nb: "x > 1\nc: 2\nd: "true"\n', 2, 4, "this quote is closed in line 4 only"
    ),
    "an unclosed brace": ("a: {b: 1", 1, 9, "inside { }"),
    "brackets in braces": ("a: {when: s in [1]}", 1, 16, "inside { }"),
    "a key without a colon": ("a: 1\nb\nc: 2", 3, 1, "a key without a colon"),
    "indentation": ("a: 1\n  b: 2", 2, 4, "`: ` inside an unquoted value, or wrong indentation"),
    "a stray line": ("a:\n    b: 1\n  c: 2", 3, 3, "not indented like its neighbours"),
    "a bad escape": (r'a: "\q"', 1, 6, "no known escape"),
    "an alias without a name": ("a: * 3", 1, 5, "alias"),
    "a control character": ("a: \x01", 1, 4, "U+0001"),
    "an escaped NUL": (r'a: "\0"', 1, 4, "NUL"),
    "half a surrogate pair": (r'a: "\ud800"', 1, 4, "surrogate"),
    "infinity": ("a: .inf", 1, 4, "a double cannot hold"),
    "a list": ("- a", 1, 1, "no workflow"),
    "nothing": ("", 1, 1, "no workflow"),
    "comments alone": ("# a\n", 1, 1, "no workflow"),
    "a comment after a comma in braces": ("a: {b: max(c, d)}", 1, 8, "YAML ends this value at `,`"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_surprise_is_refused_at_its_place(name: str) -> None:
    text, line, column, message = REFUSED[name]

    found = [(each.line, each.column) for each in problems_of(text) if message in each.message]

    assert found == [(line, column)]


def test_everything_refused_while_reading_is_told_at_once() -> None:
    problems = problems_of("a: &x 1\na: 2\nb: !t 3\n<<: {}\nc: .nan\n")

    said = [(each.line, each.message) for each in problems if "missing" not in each.message]

    assert said == [
        (1, "an anchor, &x"),
        (2, "the key `a` is here twice"),
        (3, "a tag"),
        (4, "a merge key"),
        (5, "a double cannot hold this number"),
    ]


def test_an_expression_cut_by_braces_is_one_problem_with_its_fix() -> None:
    text = yaml_text(rules="\n  - {id: A, when: max(x, 3, x, 4) > 3, verdict: fail}")

    [problem] = problems_of(text)

    assert (problem.line, problem.column) == (6, 19)
    assert "put the whole value in quotes" in (problem.hint or "")
    assert problem.caret.endswith("^^^^^")


@pytest.mark.parametrize("value", ["see ticket #5", "max(x  # y)", "s == 'A #5'", "a #b # c"])
def test_a_value_cut_by_a_comment_sign_is_refused(value: str) -> None:
    [problem] = problems_of(yaml_text(f"title: {value}\n"))

    assert "` #`" in problem.message
    assert problem.line == 5


@pytest.mark.parametrize(
    "value", ["text # a comment", "it's # fine", "'x #5'", '"x #5"', "a#b", "x  ## y", "7 #5"]
)
def test_comments_and_quoted_signs_are_no_cut(value: str) -> None:
    tree = read_tree(f"title: {value}\n", "w.yaml")

    assert tree.problems == ()


def test_a_cut_expression_that_reads_as_an_error_names_the_quotes() -> None:
    rules = "\n  - id: A\n    verdict: fail\n    when: x > 3 and # more\n"

    [problem] = problems_of(yaml_text(rules=rules))

    assert (problem.line, problem.hint) == (
        8,
        "YAML ends this value at ` #`: put the whole expression in quotes",
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_json_text_is_read_as_json_reads_it(value: object) -> None:
    text = "\t" + json.dumps({"value": value}, indent="\t")

    tree = read_tree(text, "w.json")

    # Names that differ only in composition are duplicates here, two keys in JSON.
    if not tree.problems:
        expected = json.loads(_composed(text))
        assert tree.data == expected
    else:
        assert all("twice" in problem.message for problem in tree.problems)


def _composed(text: str) -> str:
    def settle(value: object) -> object:
        if isinstance(value, str):
            return unicodedata.normalize("NFC", value)
        if isinstance(value, list):
            return [settle(each) for each in value]
        if isinstance(value, dict):
            return {settle(key): settle(each) for key, each in value.items()}
        return value

    return json.dumps(settle(json.loads(text)))


@given(st.text(alphabet=st.sampled_from("ab:-?[]{},#&*!|>'\"%@` \n\t0.<~한\\"), max_size=60))
def test_any_text_gives_a_tree_or_a_placed_problem(text: str) -> None:
    try:
        tree = read_tree(text, "w.yaml")
    except WorkflowErrors as errors:
        problems = list(errors.problems)
        assert problems
    else:
        problems = list(tree.problems)
        assert isinstance(tree.data, dict)
    for problem in problems:
        assert 1 <= problem.line <= text.count("\n") + text.count("\r") + 1
        assert problem.column >= 1


HOSTILE = {
    "brackets": "[" * 50_000,
    "braces": "{a: " * 60_000,
    "indentation": "".join(" " * level + "a:\n" for level in range(600)),
    "dashes": "- " * 100_000,
    "question marks": "? " * 100_000,
    "a long key": "a" * 250_000 + ": 1",
    "many items": "a: [" + "b," * 120_000 + "]",
    "a long value": "a: " + "x " * 60_000,
    "billion laughs": "a: &a [l,l]\nb: &b [*a,*a]\nc: [*b,*b]\n",
    "too large": "#" * (TEXT_BYTES_MAX + 1),
    "many lines of nothing": "\n" * 100_000,
}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_quickly_in_a_problem(name: str) -> None:
    started_s = time.process_time()

    problems = problems_of(HOSTILE[name])

    assert problems
    assert time.process_time() - started_s < 15


def test_the_limits_are_where_they_are_said_to_be() -> None:
    def nested(levels: int) -> str:
        return "a: " + "[" * levels + "]" * levels

    assert read_tree(nested(DEPTH_MAX - 1), "w").problems == ()
    with pytest.raises(WorkflowErrors, match="nested deeper"):
        read_tree(nested(DEPTH_MAX), "w")
    builder = Builder("")
    builder.open([], 0, in_flow=True)
    one = Piece("1", 0, 1, "plain")
    for _ in range(NODES_MAX - 1):
        builder.add_scalar(one)
    with pytest.raises(BuildError, match="more than 20,000 values"):
        builder.add_scalar(one)


@pytest.mark.no_cover
def test_a_text_may_have_the_size_that_is_named_and_not_a_byte_more() -> None:
    text = "a: 한 #" + "x" * (TEXT_BYTES_MAX - 8)
    assert len(text.encode()) == TEXT_BYTES_MAX

    assert read_tree(text, "w").data == {"a": "한"}
    with pytest.raises(WorkflowErrors, match="larger than 262,144 bytes"):
        read_tree(f"{text}x", "w")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    text = json.dumps(make_document(), indent=1).replace("\n", "\r\n")

    assert read_tree("\ufeff" + text, "w").data == make_document()
