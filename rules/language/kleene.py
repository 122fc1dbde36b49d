"""What the language means: every node of the typed tree, with UNKNOWN as a value like others.

Written for reading, straight from the semantics and apart from the code generator, which must
agree with it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, cast

from rules.language.tree import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    IsNull,
    Items,
    Literal,
    Logic,
    Lookup,
    Membership,
    Negative,
    Node,
    Not,
    Operator,
    Reference,
)


class Unknown(Enum):
    """The type of UNKNOWN, so that type checkers can tell it from every usable value."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

Value = float | str | bool | tuple[Any, ...] | Unknown

_ARITHMETIC: Final[Mapping[Operator, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": lambda number, digits=0.0: round(number, int(digits)),
    "len": len,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
    "near": lambda left, right, tolerance: _finite(left - right, abs) <= tolerance,
}

Environment = Mapping[str, Value]
"""The values of all fields and derived names, UNKNOWN included."""


def value_of(node: Node, names: Environment) -> Value:
    """Return the value of a node."""
    return _BY_CLASS[type(node)](node, names)


def negated(truth: Value) -> Value:
    return UNKNOWN if truth is UNKNOWN else not truth


def conjunction(truths: Sequence[Value]) -> Value:
    if any(truth is False for truth in truths):
        return False
    return UNKNOWN if any(truth is UNKNOWN for truth in truths) else True


def disjunction(truths: Sequence[Value]) -> Value:
    if any(truth is True for truth in truths):
        return True
    return UNKNOWN if any(truth is UNKNOWN for truth in truths) else False


def _strict(operation: Callable[..., Any], *operands: Value) -> Value:
    """Apply an operation that is UNKNOWN if an operand is, and when it fails."""
    if any(operand is UNKNOWN for operand in operands):
        return UNKNOWN
    try:
        return _inside(operation(*operands))
    except (ArithmeticError, ValueError):
        return UNKNOWN


def _inside(result: Any) -> Value:
    if isinstance(result, (bool, str)):
        return result
    number = float(result)
    return number if math.isfinite(number) else UNKNOWN


def _finite(number: float, then: Callable[[float], float]) -> float:
    if not math.isfinite(number):
        raise OverflowError
    return then(number)


def _literal(node: Literal, _: Environment) -> Value:
    return node.value


def _reference(node: Reference, names: Environment) -> Value:
    return names[node.name]


def _items(node: Items, names: Environment) -> Value:
    return tuple(value_of(item, names) for item in node.items)


def _lookup(node: Lookup, names: Environment) -> Value:
    key = value_of(node.key, names)
    return UNKNOWN if key is UNKNOWN else dict(node.entries).get(cast(str, key), UNKNOWN)


def _arithmetic(node: Arithmetic, names: Environment) -> Value:
    result = value_of(node.first, names)
    for operator, operand in node.rest:
        result = _strict(_ARITHMETIC[operator], result, value_of(operand, names))
    return result


def _negative(node: Negative, names: Environment) -> Value:
    return _strict(lambda number: -number, value_of(node.operand, names))


def _call(node: Call, names: Environment) -> Value:
    arguments = [value_of(argument, names) for argument in node.arguments]
    if node.function == "present":
        return arguments[0] is not UNKNOWN
    return _strict(_FUNCTIONS[node.function], *arguments)


def _comparison(node: Comparison, names: Environment) -> Value:
    left, right = value_of(node.left, names), value_of(node.right, names)
    return _strict(_COMPARISONS[node.operator], left, right)


def _between(node: Between, names: Environment) -> Value:
    parts = [value_of(part, names) for part in (node.value, node.low, node.high)]
    return _strict(lambda value, low, high: low <= value <= high, *parts)


def _membership(node: Membership, names: Environment) -> Value:
    found = _is_member(value_of(node.value, names), value_of(node.container, names))
    return negated(found) if node.negated else found


def _is_member(value: Value, container: Value) -> Value:
    if value is UNKNOWN or not isinstance(container, tuple):
        return UNKNOWN
    return disjunction([_strict(_COMPARISONS["=="], value, item) for item in container])


def _is_null(node: IsNull, names: Environment) -> Value:
    return (value_of(node.operand, names) is UNKNOWN) != node.negated


def _not(node: Not, names: Environment) -> Value:
    return negated(value_of(node.operand, names))


def _logic(node: Logic, names: Environment) -> Value:
    truths = [value_of(operand, names) for operand in node.operands]
    return conjunction(truths) if node.operator == "and" else disjunction(truths)


_BY_CLASS: Final[Mapping[type[Node], Callable[[Any, Environment], Value]]] = {
    Literal: _literal,
    Reference: _reference,
    Items: _items,
    Lookup: _lookup,
    Arithmetic: _arithmetic,
    Negative: _negative,
    Call: _call,
    Comparison: _comparison,
    Between: _between,
    Membership: _membership,
    IsNull: _is_null,
    Not: _not,
    Logic: _logic,
}
