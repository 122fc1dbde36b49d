"""Runs the tests that a workflow brings along, and finds the rules that none of them fires."""

import math
from dataclasses import dataclass
from typing import Any, Final

from rules.ruling import Outcome, rule_outcome
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.document import ExpectPart

_UNORDERED: Final = frozenset({"unknown", "possible"})
"""Lists without an order of their own: the order of keys is not part of a version."""
_CONFIDENCE_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of `expect` that came out otherwise."""

    key: str
    expected: Any
    actual: Any

    @property
    def sentence(self) -> str:
        return f"{self.key} is {_spelled(self.actual)}, expected {_spelled(self.expected)}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test; `index` counts from 0, `outcome` is what the judgment would say."""

    __test__ = False  # pytest: this is no test class

    index: int
    name: str
    outcome: Outcome
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        return not self.differences


def run_tests(compiled: CompiledWorkflow) -> list[TestResult]:
    """Judge the event of each test as if no LLM answered, and compare what the test names."""
    results = []
    for index, test in enumerate(compiled.parts.tests):
        outcome = rule_outcome(compiled.find(test.input), compiled.method)
        differences = _compare(test.expect, outcome)
        results.append(TestResult(index, test.name, outcome, differences))
    return results


def unfired_rules(compiled: CompiledWorkflow) -> list[str]:
    """Return the ids of the rules that are TRUE in no test, in order."""
    fired = {result.outcome.rule for result in run_tests(compiled)}
    return [rule.id for rule in compiled.program.rules if rule.id not in fired]


def _compare(expect: ExpectPart, outcome: Outcome) -> tuple[Difference, ...]:
    pairs = (
        (key, getattr(expect, key), getattr(outcome, key))
        for key in type(expect).model_fields
        if key in expect.model_fields_set
    )
    return tuple(
        Difference(key, expected, actual)
        for key, expected, actual in pairs
        if not _agree(key, expected, actual)
    )


def _agree(key: str, expected: Any, actual: Any) -> bool:
    if key in _UNORDERED:
        return sorted(expected or ()) == sorted(actual)
    if isinstance(expected, float) and isinstance(actual, float):
        return math.isclose(expected, actual, rel_tol=0, abs_tol=_CONFIDENCE_TOLERANCE)
    return bool(expected == actual)


def _spelled(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(value)}]"
    return str(value)
