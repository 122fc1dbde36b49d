"""The parts of a document fit each other, and its defaults are those of the format."""

import pytest

from rules.workflow.reader import read_workflow
from tests.support.workflows import make_workflow, problems_of_document, yaml_text


def rule(when: str, verdict: str = "ok", name: str = "A") -> dict[str, str]:
    return {"id": name, "when": when, "verdict": verdict}


FAULTS = [
    ({"rules": [rule("x > 1", "fial")]}, "rules[0].verdict", "unknown verdict 'fial'"),
    ({"otherwise": {"verdict": "no"}}, "otherwise.verdict", "unknown verdict 'no'"),
    ({"subject": "machine"}, "subject", "unknown field 'machine'"),
    ({"llm": {"may_decide": ["ok", "no"]}}, "llm.may_decide[1]", "unknown verdict 'no'"),
    ({"method": "llm", "methods": ["rule"]}, "methods", "the workflow's own method is missing"),
    ({"verdicts": {"ok": {}, "fail": {}, "error": {}}}, "verdicts.error", "`error` is reserved"),
    ({"verdicts": {"ok": {}, "fail": {}, "undetermined": {}}}, "verdicts.undetermined", "`undetermined` is reserved"),
    ({"verdicts": {"ok": {}, "fail": {}, "expired": {}}}, "verdicts.expired", "`expired` is reserved"),
    ({"rules": [rule("x > 1"), rule("x > 2")]}, "rules[1].id", "`A` is here twice"),
    ({"rules": [rule("x > 1", name="otherwise")]}, "rules[0].id", "`otherwise` names the case"),
    ({"actions": [{"id": "a", "do": "x"}, {"id": "a", "do": "x"}]}, "actions[1].id", "`a` is here twice"),
    ({"input": {"pi": {"type": "number"}}, "rules": []}, "input.pi", "`pi` is a word of the rule language"),
    ({"input": {"a b": {"type": "number"}}, "rules": []}, "input.a b", "`a b` must consist of letters"),
    ({"constants": {"x": 1}}, "constants.x", "`x` is already a name in input"),
    ({"derive": {"x": "1 + 1"}}, "derive.x", "`x` is already a name in input"),
    ({"constants": {"k": [1, "a"]}}, "constants.k", "the constant `k` mixes numbers and strings"),
    ({"constants": {"k": {}}}, "constants.k", "the constant `k` has no entry"),
    ({"input": {"x": {"type": "number", "range": [2, 1]}}}, "input.x.range", "the range is empty"),
    ({"input": {"x": {"type": "number"}, "s": {"type": "string", "range": [1, 2]}}}, "input.s.range", "a string has no range"),
    ({"input": {"x": {"type": "number", "one_of": [1, "a"]}}}, "input.x.one_of[1]", "a member of one_of must be a number"),
    ({"input": {"x": {"type": "number"}, "l": {"type": "list", "one_of": [1]}}}, "input.l.one_of", "a list has no one_of"),
    ({"input": {"x": {"type": "number", "from": "a", "path": ["b"]}}}, "input.x.path", "`from` and `path` together"),
    ({"derive": {"a": "b + 1", "b": "a + 1"}}, "derive.a", "derived values that need each other"),
    ({"derive": {"a": "a + 1"}}, "derive.a", "derived values that need each other"),
    ({"derive": {"a": "x + nope"}}, "derive.a", "unknown field 'nope'"),
    ({"rules": [rule("x + 1")]}, "rules[0].when", "expected a condition"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"verdict": "undetermined"}}]}, "tests[0].expect.verdict", "an undetermined judgment has no verdict"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"verdict": "no"}}]}, "tests[0].expect.verdict", "unknown verdict 'no'"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"rule": "LOW"}}]}, "tests[0].expect.rule", "unknown rule 'LOW'"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"unknown": ["y"]}}]}, "tests[0].expect.unknown[0]", "unknown field 'y'"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"possible": ["y"]}}]}, "tests[0].expect.possible[0]", "unknown verdict 'y'"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "path", "message"), FAULTS)
def test_a_part_that_fits_no_other_is_refused(
    parts: dict[str, object], path: str, message: str
) -> None:
    found = problems_of_document(**parts)

    assert found[path].startswith(message)


def test_a_problem_is_told_once_however_often_it_matters() -> None:
    found = problems_of_document(
        derive={"a": "nope + 1", "b": "a + 1"}, rules=[rule("b > 1"), rule("a > 1", name="B")]
    )

    assert set(found) == {"derive.a"}


@pytest.mark.parametrize(
    ("parts", "method", "methods"),
    [
        ({}, "rule", ("rule",)),
        ({"llm": {}}, "hybrid", ("hybrid", "rule")),
        ({"method": "llm"}, "llm", ("llm", "rule")),
        ({"method": "rule", "llm": {}}, "rule", ("rule",)),
        ({"method": "hybrid", "methods": ["llm", "hybrid"]}, "hybrid", ("llm", "hybrid")),
    ],
)
def test_the_method_follows_from_the_llm_part(
    parts: dict[str, object], method: str, methods: tuple[str, ...]
) -> None:
    workflow = make_workflow(**parts)

    assert (workflow.method, workflow.methods) == (method, methods)


def test_defaults_are_those_of_the_format() -> None:
    workflow = make_workflow(otherwise=None)

    assert workflow.min_confidence == 0.7
    assert workflow.program.rules[0].confidence == 1.0
    assert workflow.program.otherwise is None
    assert workflow.title == "w"
    assert workflow.subject is None
    assert workflow.severities == {"ok": "info", "fail": "info"}
    assert workflow.program.fields[0].path == ("x",)
    assert not workflow.program.fields[0].required


def test_a_field_lies_where_from_or_path_say() -> None:
    workflow = make_workflow(
        input={"x": {"type": "number", "from": "a b"}, "s": {"type": "string", "path": ["p", "q"]}},
        rules=[rule("x > 1 and s == 'on'", "fail")],
    )

    findings = workflow.find({"a b": 2, "p": {"q": "on"}})

    assert findings.rule == "A"


def test_derived_values_may_be_written_in_any_order() -> None:
    parts = {"rules": [rule("c > 10", "fail")]}
    forward = make_workflow(derive={"a": "x + 1", "b": "a * 2", "c": "a + b"}, **parts)
    backward = make_workflow(derive={"c": "a + b", "b": "a * 2", "a": "x + 1"}, **parts)

    assert forward.version == backward.version
    assert forward.find({"x": 3}).rule == backward.find({"x": 3}).rule == "A"
    assert forward.find({"x": 2}).rule is backward.find({"x": 2}).rule is None


@pytest.mark.parametrize(
    ("body", "rules", "message"),
    [
        ("derive: {d: x + 1}\n", "[]", "nothing uses `d`"),
        ("otherwise: {verdict: ok}\n", "[]", "no rule can give the verdict `fail`"),
        ("method: rule\nllm: {}\n", "[]", "the llm part has no effect"),
        ("", "[{id: A, when: x * 3 == 0.3, verdict: ok}]", "comput"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning_with_its_place(
    body: str, rules: str, message: str
) -> None:
    document = read_workflow(yaml_text(body, rules), "w.yaml")

    [warning] = [each for each in document.warnings if message in each.message]
    assert warning.line >= 3


def test_a_sound_workflow_has_no_warnings() -> None:
    rules = "[{id: A, when: x > 1, verdict: fail}]"

    assert read_workflow(yaml_text("otherwise: {verdict: ok}\n", rules)).warnings == ()


def test_a_misspelt_member_of_a_test_event_is_a_warning_with_what_was_meant() -> None:
    body = """tests:
  - {name: misspelt, input: {S: a, xx: 1, humidity: 3}, expect: {}}
  - {name: more than is read, input: {x: 1, s: a, xx: 1}, expect: {}}
"""

    warnings = read_workflow(yaml_text(body)).warnings

    assert [
        (each.path, each.message, each.hint) for each in warnings if "reads" in each.message
    ] == [
        ("tests[0].input.S", "no field reads `S`", "did you mean 's'?"),
        ("tests[0].input.xx", "no field reads `xx`", "did you mean 'x'?"),
    ]
