"""Warnings: what is allowed, and probably not what the author means."""

from collections.abc import Iterator

from rules.language.exactness import is_exact
from rules.language.problems import Problem
from rules.language.resolve import did_you_mean
from rules.language.scope import Scope
from rules.language.tree import (
    FLIPPED,
    Between,
    Call,
    Comparison,
    IsNull,
    Items,
    Literal,
    Membership,
    Node,
    Reference,
    children,
    references,
)
from rules.language.types import normalized
from rules.program import FieldSpec


def suspicions(root: Node, text: str, scope: Scope) -> Iterator[Problem]:
    """Yield a warning for each condition that looks like a slip, in the order of the text."""
    if isinstance(root, (Comparison, Between, Membership, IsNull, Call)) and root.type == "boolean":
        found = _suspicion(root, text, scope)
        if found is not None:
            message, hint = found
            yield Problem(message, root.start, root.end, hint)
    for part in children(root):
        yield from suspicions(part, text, scope)


def _suspicion(node: Node, text: str, scope: Scope) -> tuple[str, str | None] | None:
    if not any(references(node)):
        return "this is the same for every input", None
    match node:
        case Comparison():
            return (
                _computed_equality(node, text, scope)
                or _never_a_member(node.left, (node.right,), scope)
                or _never_a_member(node.right, (node.left,), scope)
                or _decided_by_range(node, scope)
            )
        case Membership(value=value, container=Items(items=items)):
            if not items:
                return "nothing is in an empty list", None
            return _never_a_member(value, items, scope)
        case Between(low=Literal(value=low), high=Literal(value=high)) if low > high:  # type: ignore[operator]  # the checker lets only numbers stand here
            return "no number lies between these", "put the smaller one first"
    return None


def _computed_equality(node: Comparison, text: str, scope: Scope) -> tuple[str, str] | None:
    if node.operator not in {"==", "!="} or node.left.type != "number":
        return None
    if is_exact(node.left, scope) and is_exact(node.right, scope):
        return None
    left, right = (text[part.start : part.end] for part in (node.left, node.right))
    negation = "not " if node.operator == "!=" else ""
    message = "a computed number is rarely equal to another: 0.1 + 0.2 is not 0.3"
    return message, f"write {negation}near({left}, {right}, 1e-9)"


def _never_a_member(
    value: Node, others: tuple[Node, ...], scope: Scope
) -> tuple[str, str | None] | None:
    field = _field(value, scope)
    if field is None or field.one_of is None:
        return None
    members = {normalized(member) for member in field.one_of}
    for other in others:
        if isinstance(other, Literal) and other.value not in members:
            shown = ", ".join(f"{member}" for member in field.one_of)
            hint = did_you_mean(f"{other.value}", map(str, field.one_of))
            return f"{field.name} is never {other.value!r}", hint or f"it is one of {shown}"
    return None


def _decided_by_range(node: Comparison, scope: Scope) -> tuple[str, str | None] | None:
    field, other, operator = _field(node.left, scope), node.right, node.operator
    if field is None:
        field, other = _field(node.right, scope), node.left
        operator = FLIPPED[operator]
    if field is None or field.range is None or not isinstance(other, Literal):
        return None
    low, high = field.range
    bound = float(other.value)
    always, never = {
        "<": (high < bound, low >= bound),
        "<=": (high <= bound, low > bound),
        ">": (low > bound, high <= bound),
        ">=": (low >= bound, high < bound),
        "==": (False, not low <= bound <= high),
        "!=": (not low <= bound <= high, False),
    }[operator]
    if not (always or never):
        return None
    word = "always" if always else "never"
    return f"this is {word} true: {field.name} lies within {low:g} to {high:g}", None


def _field(node: Node, scope: Scope) -> FieldSpec | None:
    if isinstance(node, Reference) and not node.derived:
        return scope.fields[node.name]
    return None
