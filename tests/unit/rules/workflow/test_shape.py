"""A document has known keys, of the right type and size; every fault is told at once."""

import pytest

from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors
from tests.support.workflows import make_document, make_workflow, problems_of, problems_of_document

RULE = {"id": "A", "when": "x > 1", "verdict": "ok"}

FAULTS = [
    ({"titel": "x"}, "titel", "unknown key `titel`"),
    ({"judgify": 2}, "judgify", "this format is not known"),
    ({"judgify": None}, "judgify", "`judgify` is missing"),
    ({"id": "Milling"}, "id", "'Milling' cannot be a name"),
    ({"verdicts": {}}, "verdicts", "`verdicts` dictionary should have at least 1"),
    ({"verdicts": {"a b": {}}}, "verdicts.a b", "'a b' cannot be a name"),
    ({"verdicts": {"ok": {"severity": "bad"}}}, "verdicts.ok.severity", "`severity` must be 'info'"),
    ({"verdicts": ["ok"]}, "verdicts", "`verdicts` must be a mapping of keys and values, not a list"),
    ({"method": "rules"}, "method", "`method` must be 'rule', 'hybrid' or 'llm', not 'rules'"),
    ({"input": {"x": {"type": "float"}}}, "input.x.type", "`type` must be 'number'"),
    ({"input": {"x": {}}}, "input.x.type", "`type` is missing"),
    ({"input": {"x": {"type": "number", "range": [1]}}}, "input.x.range", "`range` list should have at least 2"),
    ({"rules": {}}, "rules", "`rules` must be a list, not a mapping"),
    ({"rules": [RULE | {"verdict": 1}]}, "rules[0].verdict", "`verdict` must be text, not the number 1"),
    ({"rules": [RULE | {"when": True}]}, "rules[0].when", "`when` must be text, not true"),
    ({"rules": [RULE | {"confidence": 1.1}]}, "rules[0].confidence", "`confidence` should be less than or equal to 1"),
    ({"rules": [RULE | {"confidence": "high"}]}, "rules[0].confidence", "`confidence` must be a number, not 'high'"),
    ({"rules": ["A"]}, "rules[0]", "this item must be a mapping"),
    ({"tests": [{"name": "t", "input": {}, "expect": {"verdikt": "ok"}}]}, "tests[0].expect.verdikt", "unknown key `verdikt`"),
    ({"llm": {"may_decide": []}}, "llm.may_decide", "`may_decide` list should have at least 1"),
    ({"actions": [{"id": "a"}]}, "actions[0].do", "`do` is missing"),
    ({"title": "x" * 1_025}, "title", "`title` string should have at most 1024 characters"),
    ({"rules": [RULE | {"id": f"R{n}"} for n in range(501)]}, "rules", "`rules` list should have at most 500"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "path", "message"), FAULTS)
def test_a_fault_of_shape_names_its_key_and_what_belongs_there(
    parts: dict[str, object], path: str, message: str
) -> None:
    document = make_document(**parts)

    with pytest.raises(WorkflowErrors) as caught:
        compile_workflow(document)

    found = {problem.path: problem.message for problem in caught.value.problems}
    assert found[path].startswith(message)


def test_an_unknown_key_is_met_with_the_closest_one_or_with_all() -> None:
    with pytest.raises(WorkflowErrors) as caught:
        compile_workflow(make_document(titel="x", zzz=1, rules=[RULE | {"confidense": 1}]))

    hints = {problem.path: problem.hint or "" for problem in caught.value.problems}
    assert hints["titel"] == "did you mean `title`?"
    assert hints["rules[0].confidense"] == "did you mean `confidence`?"
    assert hints["zzz"].startswith("known here: judgify, id, title")


def test_an_action_may_have_keys_of_its_channel() -> None:
    workflow = make_workflow(
        actions=[{"id": "page", "do": "webhook", "url": "secret:HOOK", "cooldown": "10m"}]
    )

    assert workflow.document["actions"][0]["url"] == "secret:HOOK"


def test_a_key_without_a_value_is_refused_wherever_it_would_mean_something() -> None:
    text = "judgify: 1\nid: w\nverdicts: {ok: }\nrules: []\notherwise:\ntests:\n  - {name: t, input: {x: null}, expect: {rule: null}}\n"

    found = {problem.path: problem.message for problem in problems_of(text)}

    assert found == {"verdicts.ok": "`ok` has no value", "otherwise": "`otherwise` has no value"}


def test_faults_of_shape_do_not_hide_faults_of_meaning() -> None:
    found = problems_of_document(
        titel="x",
        rules=[
            {"id": "A", "when": "y > 1"},
            {"id": "B", "when": "y > 1", "verdict": "ok"},
            {"id": "C", "when": "x >", "verdict": "fial"},
        ],
    )

    assert set(found) == {
        "titel",
        "rules[0].verdict",
        "rules[1].when",
        "rules[2].when",
        "rules[2].verdict",
    }


def test_what_follows_from_a_fault_is_not_told_as_another() -> None:
    found = problems_of_document(
        input={"x": {"type": "numbr"}, "s": {"type": "string"}},
        verdicts={"ok": {"severity": 1}, "fail": {}},
        rules=[{"id": "A", "when": "x > 1", "verdict": "ok"}],
    )

    assert set(found) == {"input.x.type", "verdicts.ok.severity"}


@pytest.mark.parametrize(
    "document", [{}, {"judgify": 1}, {"rules": None}, {"verdicts": 5, "input": [], "rules": "x"}]
)
def test_a_document_without_anything_sound_is_refused_without_a_crash(
    document: dict[str, object],
) -> None:
    with pytest.raises(WorkflowErrors):
        compile_workflow(document)


def test_no_more_problems_are_told_than_anyone_reads() -> None:
    rules = [{"id": f"R{n}", "when": "nope > 1", "verdict": "ok"} for n in range(200)]

    found = problems_of_document(rules=rules)

    assert len(found) == 50
