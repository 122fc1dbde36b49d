"""The rules in process are compared with work that is the same."""

import pytest

from bench import rules_in_process
from bench.rules_by_hand import compile_by_hand
from rules.workflow.compiled import compile_workflow


def test_a_hand_written_rule_that_lacks_a_value_does_not_hold() -> None:
    by_hand = compile_by_hand(["a > 1", "b < 2 or a < 0"], [["a"], ["b", "a"]])

    assert by_hand.tolerant({"b": 1}) is None
    assert by_hand.tolerant({"a": 1, "b": 1}) == by_hand.trusting({"a": 1, "b": 1}) == "R1"
    with pytest.raises(KeyError):
        by_hand.trusting({"b": 1})


def test_every_size_is_measured_on_both_kinds_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_in_process, "EVENTS", 50)
    monkeypatch.setattr(rules_in_process, "REPEATS", 1)
    monkeypatch.setattr(rules_in_process, "SIZES", (1, 50))

    measured = rules_in_process.measure_rules()["rules"]

    assert set(measured) == {"1", "50"}
    for of_size in measured.values():
        assert of_size["complete"]["by_hand"] > 0
        assert of_size["30 % of the events incomplete"]["ratio"] > 0


def test_forms_that_name_another_rule_are_not_compared() -> None:
    rules = rules_in_process.RuleSet(("sensor_0 > 1",), (("sensor_0",),))
    ours = compile_workflow(rules_in_process._make_document(rules)).find

    with pytest.raises(AssertionError, match="ours names R0"):
        rules_in_process._require_equal(ours, [lambda _: None], [{"sensor_0": 2.0}])
