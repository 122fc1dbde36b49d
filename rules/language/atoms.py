"""Comparisons with their values: the smallest pieces of a condition that are explained."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from typing import Literal as Word

from rules.language.kleene import UNKNOWN, Environment, Value, value_of
from rules.language.tree import (
    FLIPPED,
    Between,
    Call,
    Comparator,
    Comparison,
    IsNull,
    Literal,
    Logic,
    Membership,
    Node,
    Not,
    references,
)

Shown = float | str | bool | tuple[Any, ...] | None
"""A value for people; None is UNKNOWN."""

Form = Word["comparison", "between", "in", "null test", "function", "flag"]


@dataclass(frozen=True, slots=True)
class ComparisonTrace:
    """One comparison, or anything else that `and`, `or` and `not` combine.

    Attributes:
        text: As the author wrote it.
        start: Where it begins in the condition, 0-based.
        end: One past its last character.
        names: The fields and derived names that it mentions, each once.
        form: What it is.
        subject: The text of what is compared; never a literal.
        operator: Read from the subject to the bound; None when it is no comparison of two values.
        value: The value of the subject.
        bound: What it is compared with: a value, (low, high), or a list; None for none.
        holds: True, False, or None for UNKNOWN.
    """

    text: str
    start: int
    end: int
    names: tuple[str, ...]
    form: Form
    subject: str
    operator: Comparator | None
    value: Shown
    bound: Shown
    holds: bool | None


def atoms(node: Node) -> Iterator[Node]:
    """Yield the conditions that `and`, `or` and `not` combine, in the order of the text."""
    match node:
        case Logic(operands=operands):
            for operand in operands:
                yield from atoms(operand)
        case Not(operand=operand):
            yield from atoms(operand)
        case _:
            yield node


def trace_atom(node: Node, text: str, names: Environment) -> ComparisonTrace:
    """Return the atom with its values; `text` is that of the whole condition."""
    subject, operator, bound = _sides(node)
    holds = shown(value_of(node, names))
    return ComparisonTrace(
        text=text[node.start : node.end],
        start=node.start,
        end=node.end,
        names=tuple(dict.fromkeys(each.name for each in references(node))),
        form=_form(node),
        subject=text[subject.start : subject.end],
        operator=operator,
        value=shown(value_of(subject, names)),
        bound=_shown_bound(bound, names),
        holds=holds if isinstance(holds, bool) else None,
    )


def shown(value: Value) -> Shown:
    """Return the value for people, UNKNOWN as None, also inside of lists."""
    if isinstance(value, tuple):
        return tuple(shown(item) for item in value)
    return None if value is UNKNOWN else value


def _sides(node: Node) -> tuple[Node, Comparator | None, tuple[Node, ...]]:
    """Return what is compared, how, and with what."""
    match node:
        case Comparison(left=left, right=right, operator=operator):
            if isinstance(left, Literal):
                return right, FLIPPED[operator], (left,)
            return left, operator, (right,)
        case Between(value=value, low=low, high=high):
            return value, None, (low, high)
        case Membership(value=value, container=bound) | Call(arguments=(value, bound)):
            return value, None, (bound,)
        case IsNull(operand=value) | Call(arguments=(value,)):
            return value, None, ()
        case _:
            return _near_sides(node)


def _near_sides(node: Node) -> tuple[Node, None, tuple[Node, ...]]:
    if isinstance(node, Call):
        value, *bound = node.arguments
        return value, None, tuple(bound)
    return node, None, ()


def _shown_bound(bound: tuple[Node, ...], names: Environment) -> Shown:
    values = tuple(shown(value_of(each, names)) for each in bound)
    if len(values) == 1:
        return values[0]
    return values or None


def _form(node: Node) -> Form:
    match node:
        case Comparison():
            return "comparison"
        case Between():
            return "between"
        case Membership():
            return "in"
        case IsNull() | Call(function="present"):
            return "null test"
        case Call():
            return "function"
        case _:
            return "flag"
