"""Explains what the rules found: each comparison with its values, and what was nearly true.

Rules are pure, so an explanation can be made at any time from a program and an input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rules.findings import Findings
from rules.language import wording
from rules.language.atoms import ComparisonTrace, Shown, atoms, shown, trace_atom
from rules.language.input_value import why_unusable
from rules.language.kleene import UNKNOWN, Environment, value_of
from rules.language.near_miss import Change, fewest_changes
from rules.language.reference import evaluate, read_names
from rules.program import Program, RuleSpec

Outcome = Literal["true", "false", "unknown"]


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule that was walked.

    Attributes:
        id: The rule.
        verdict: What it says when it is true.
        text: Its condition.
        outcome: How it came out.
        comparisons: What its condition consists of, in the order of the text, all of them.
        changes: The fewest comparisons, up to 3, that must change for it to be true; empty when
            it is true, or when more are needed.
    """

    id: str
    verdict: str
    text: str
    outcome: Outcome
    comparisons: tuple[ComparisonTrace, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found, and why.

    Attributes:
        findings: As the generated function finds them.
        unusable: The fields of `findings.unknown` with what is wrong with each.
        derived: The derived values that the walked rules use, None for UNKNOWN.
        rules: The rules that were walked, in order; empty for invalid input.
        not_reached: Ids of the rules below the one that was true.
    """

    findings: Findings
    unusable: tuple[tuple[str, str], ...]
    derived: tuple[tuple[str, Shown], ...]
    rules: tuple[RuleTrace, ...]
    not_reached: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the explanation in plain words, a line each; made for people, not for parsing."""
        if self.findings.invalid is not None:
            return [f"invalid input: {self.findings.invalid}"]
        lines = [wording.result(self.findings)]
        lines += [f"cannot be used: {name} {problem}" for name, problem in self.unusable]
        lines += [f"derived: {name} = {wording.value(known)}" for name, known in self.derived]
        for rule in self.rules:
            lines.append(f"rule {rule.id} ({rule.verdict}) is {rule.outcome}: {rule.text.strip()}")
            lines += [f"  {wording.comparison(each)}" for each in rule.comparisons]
            lines += [f"  {sentence}" for sentence in wording.near_miss(rule.changes)]
        if self.not_reached:
            lines.append(f"not reached: {', '.join(self.not_reached)}")
        return lines


def explain(program: Program, input_data: Mapping[str, Any]) -> Explanation:
    """Return the findings with the trace of every rule that was walked."""
    findings = evaluate(program, input_data)
    if findings.invalid is not None:
        return Explanation(findings, (), (), (), ())
    names = read_names(program, input_data)
    ids = [rule.id for rule in program.rules]
    walked = ids.index(findings.rule) + 1 if findings.rule is not None else len(ids)
    rules = program.rules[:walked]
    by_name = {field.name: field for field in program.fields}
    return Explanation(
        findings=findings,
        unusable=tuple(
            (name, why_unusable(by_name[name], input_data) or "") for name in findings.unknown
        ),
        derived=_derived(program, rules, names),
        rules=tuple(_trace(rule, names) for rule in rules),
        not_reached=tuple(ids[walked:]),
    )


def _trace(rule: RuleSpec, names: Environment) -> RuleTrace:
    root, text = rule.when.root, rule.when.text
    truth = value_of(root, names)
    outcome: Outcome = "unknown" if truth is UNKNOWN else "true" if truth else "false"
    comparisons = tuple(trace_atom(atom, text, names) for atom in atoms(root))
    return RuleTrace(
        id=rule.id,
        verdict=rule.verdict,
        text=text,
        outcome=outcome,
        comparisons=comparisons,
        changes=() if truth is True else fewest_changes(root, comparisons),
    )


def _derived(
    program: Program, rules: tuple[RuleSpec, ...], names: Environment
) -> tuple[tuple[str, Shown], ...]:
    used = {name for rule in rules for name in rule.when.derived}
    for name, expression in reversed(program.derive):
        if name in used:
            used.update(expression.derived)
    return tuple((name, shown(names[name])) for name, _ in program.derive if name in used)
