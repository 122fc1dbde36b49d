"""Everything of ours that can judge an event by a document, asked one beside the other."""

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

from rules.findings import Findings
from rules.language.conclude import conclude
from rules.language.trace import Explanation
from rules.program import Program
from rules.workflow.compiled import compile_workflow

Find = Callable[[dict[str, Any]], Findings]


class Answers(NamedTuple):
    """What the back-ends say of one event.

    Attributes:
        generated: The function that judges in production: whichever body is due.
        guarded: Its three-valued body, forced on every input.
        reference: The slow evaluator, from the explanation.
        traced: What the traced outcomes of the rules amount to.
        is_plain: The two-valued body answered.
        explanation: The trace.
    """

    generated: Findings
    guarded: Findings
    reference: Findings
    traced: Findings
    is_plain: bool
    explanation: Explanation

    @property
    def agree(self) -> bool:
        return self.generated == self.guarded == self.reference == self.traced

    def lines(self) -> list[str]:
        return [f"{name}: {getattr(self, name)}" for name in self._fields[:4]]


class BackEnds:
    """The back-ends of one document.

    Raises:
        WorkflowErrors: The document is not sound.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        compiled = compile_workflow(document)
        self.program = compiled.program
        self._find: Find = compiled.find
        self._explain = compiled.explain
        # The two bodies by themselves: where the first gives up, it calls the second by its name.
        code, names = compiled.find.__code__, compiled.find.__globals__
        self._guarded: Find = names["careful"]
        self._plain = FunctionType(code, {**names, "careful": lambda _: None})

    def ask(self, event: dict[str, Any]) -> Answers:
        explanation = self._explain(event)
        return Answers(
            self._find(event),
            self._guarded(event),
            explanation.findings,
            _conclude(self.program, explanation),
            self._plain(event) is not None,
            explanation,
        )


def assert_agree(document: Mapping[str, Any], event: dict[str, Any]) -> Findings:
    """Return what all back-ends find; fail where they differ. For regression tests."""
    answers = BackEnds(document).ask(event)
    assert answers.agree, "\n".join(answers.lines())
    return answers.generated


def _conclude(program: Program, explanation: Explanation) -> Findings:
    """Return the findings that the traced rules lead to; those of invalid input have no trace."""
    if explanation.findings.invalid is not None:
        return explanation.findings
    outcomes = [rule.outcome for rule in explanation.rules]
    decider = outcomes.index("true") if "true" in outcomes else None
    open_rules = [index for index, outcome in enumerate(outcomes) if outcome == "unknown"]
    unknown = tuple(name for name, _ in explanation.unusable)
    return conclude(program, decider, open_rules, unknown)
