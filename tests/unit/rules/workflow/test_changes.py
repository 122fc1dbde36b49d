"""The differences of two documents: every piece that differs is named, and nothing else."""

import copy
from random import Random
from typing import Any

import pytest

from rules.workflow.canonical import version_of
from rules.workflow.changes import compare_documents
from tests.support.fuzz.documents import draw_document
from tests.support.workflows import make_document

RULES = [{"id": name, "when": "x > 1", "verdict": "ok"} for name in "ABCDE"]


def kinds(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(each.part, each.name, each.kind) for each in compare_documents(before, after)]


def rules_in_order(names: str) -> dict[str, Any]:
    return make_document(rules=[each for name in names for each in RULES if each["id"] == name])


@pytest.mark.parametrize(
    ("order", "moved"),
    [
        ("ABCDE", []),
        ("BCDEA", [("A", 1, 5)]),
        ("EABCD", [("E", 5, 1)]),
        ("ACBDE", [("C", 3, 2)]),
        ("AEDCB", [("E", 5, 2), ("D", 4, 3), ("C", 3, 4)]),
    ],
)
def test_the_fewest_rules_count_as_moved(order: str, moved: list[tuple[str, int, int]]) -> None:
    changes = compare_documents(rules_in_order("ABCDE"), rules_in_order(order))

    assert [each.kind for each in changes] == ["moved"] * len(moved)
    assert [(each.name, each.before, each.after) for each in changes] == moved


def test_adding_and_removing_a_rule_moves_no_other() -> None:
    assert kinds(rules_in_order("ABCD"), rules_in_order("EBCD")) == [
        ("rules", "E", "added"),
        ("rules", "A", "removed"),
    ]


def test_a_rule_can_be_moved_and_changed() -> None:
    after = rules_in_order("BCA")
    after["rules"][2] = {**after["rules"][2], "when": "x > 2"}

    assert kinds(rules_in_order("ABC"), after) == [
        ("rules", "A", "changed"),
        ("rules", "A", "moved"),
    ]


def test_a_change_is_told_key_by_key() -> None:
    before = make_document(input={"x": {"type": "number", "unit": "K"}})
    after = make_document(input={"x": {"type": "number", "range": [0, 5]}})

    (change,) = [each for each in compare_documents(before, after) if each.name == "x"]

    assert list(change.details()) == [("unit", "K", None), ("range", None, [0, 5])]


def test_true_is_not_one_and_an_integer_may_be_written_as_a_double() -> None:
    documents = [make_document(constants={"c": value}) for value in (1, 1.0, True)]

    assert kinds(documents[0], documents[1]) == []
    assert kinds(documents[0], documents[2]) == [("constants", "c", "changed")]


def test_two_tests_of_one_name_are_told_apart() -> None:
    test = {"name": "t", "input": {"x": 1}, "expect": {"verdict": "ok"}}
    before = make_document(tests=[test, test])
    after = make_document(tests=[test, {**test, "input": {"x": 2}}])

    assert kinds(before, after) == [("tests", "t (2)", "changed")]


def test_tests_in_another_order_are_a_difference_too() -> None:
    tests = [{"name": name, "input": {}, "expect": {}} for name in "ab"]

    assert kinds(make_document(tests=tests), make_document(tests=tests[::-1])) == [
        ("tests", None, "changed")
    ]


def test_documents_have_no_differences_exactly_when_their_versions_are_equal() -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random = Random(seed)
    for _ in range(60):
        before = draw_document(random)
        after = copy.deepcopy(before)
        assert compare_documents(before, after) == ()
        part = random.choice(
            [key for key, value in after.items() if isinstance(value, dict | list)]
        )
        if isinstance(after[part], dict) and after[part]:
            after[part].pop(random.choice(list(after[part])))
        elif isinstance(after[part], list):
            random.shuffle(after[part])
        is_same = version_of(before) == version_of(after)
        assert (compare_documents(before, after) == ()) is is_same
        assert {each.part for each in compare_documents(before, after)} <= {part}
