"""Checks what a document means: that its parts fit each other; makes the program of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from rules.language.expression import Expression
from rules.language.scope import Scope
from rules.program import UNDETERMINED, Otherwise, Program, RuleSpec
from rules.workflow.declarations import constant_values, declaration_faults, field_specs
from rules.workflow.document import Document
from rules.workflow.expressions import ExpressionCheck
from rules.workflow.llm_policy import llm_warnings
from rules.workflow.mentions import MentionCheck, misspelt_members
from rules.workflow.problems import PROBLEMS_MAX, Fault
from rules.workflow.structure import Shape


@dataclass(frozen=True, slots=True)
class Meaning:
    """`program` is None when there are faults; warnings never stop anything."""

    program: Program | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check_meaning(shape: Shape) -> Meaning:
    """Return the program of a document, and all that is wrong with the sound part of it."""
    document = shape.document
    if document is None:
        return Meaning(None, (), ())
    declared = tuple(declaration_faults(document))
    broken = {str(loc[1]) for loc in _at_fault(shape, declared) if len(loc) > 1}
    check = ExpressionCheck(Scope(field_specs(document), constant_values(document)), broken)
    derive = check.check_derived(document.derive)
    whens = [
        check.check(("rules", index, "when"), rule.when, "boolean")
        for index, rule in enumerate(document.rules)
    ]
    hidden = frozenset(str(loc[0]) for loc in shape.dropped)
    # Looking for what was meant takes longer than looking whether it is there.
    mentions = islice(MentionCheck(document, hidden).faults(), PROBLEMS_MAX)
    faults = _as_written(shape, [*declared, *mentions, *check.faults])
    found = islice(misspelt_members(document), PROBLEMS_MAX)
    unused = _warnings(document, derive, whens)
    warnings = _as_written(shape, [*check.warnings, *unused, *llm_warnings(document), *found])
    if faults or shape.faults:
        return Meaning(None, faults, warnings)
    return Meaning(_program(document, check.scope, derive, whens), (), warnings)


def _at_fault(shape: Shape, declared: tuple[Fault, ...]) -> Iterator[tuple[str | int, ...]]:
    for loc in (*shape.dropped, *(fault.loc for fault in declared)):
        if loc[0] in ("input", "constants", "derive"):
            yield loc


def _as_written(shape: Shape, faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults with the rules counted as in the document, not as in its sound part."""
    return tuple(
        replace(each, loc=("rules", shape.rules[each.loc[1]], *each.loc[2:]))
        if each.loc[:1] == ("rules",) and len(each.loc) > 1 and isinstance(each.loc[1], int)
        else each
        for each in faults
    )


def _program(
    document: Document,
    scope: Scope,
    derive: tuple[tuple[str, Expression], ...],
    whens: list[Expression | None],
) -> Program:
    last = document.otherwise
    return Program(
        fields=tuple(scope.fields.values()),
        rules=tuple(
            RuleSpec(rule.id, when, rule.verdict, rule.confidence, rule.reason)
            for rule, when in zip(document.rules, whens, strict=True)
            if when is not None
        ),
        verdicts=tuple(document.verdicts),
        otherwise=Otherwise(last.verdict, last.confidence, last.reason) if last else None,
        constants=scope.constants,
        derive=derive,
        min_confidence=document.min_confidence,
    )


def _warnings(
    document: Document,
    derive: tuple[tuple[str, Expression], ...],
    whens: list[Expression | None],
) -> Iterator[Fault]:
    if None in whens or len(derive) < len(document.derive):
        return
    used = {name for each in (*whens, *(d for _, d in derive)) if each for name in each.derived}
    for name in document.derive:
        if name not in used:
            hint = "use it in a rule, or remove it"
            yield Fault(("derive", name), f"nothing uses `{name}`", hint, at_key=True)
    last = document.otherwise
    reached = {rule.verdict for rule in document.rules} | {last.verdict if last else UNDETERMINED}
    for verdict in document.verdicts:
        if verdict not in reached and UNDETERMINED not in reached:
            message = f"no rule can give the verdict `{verdict}`"
            yield Fault(("verdicts", verdict), message, "add a rule for it", at_key=True)
