"""How large a number can become: where overflow is impossible, generated code need not look."""

import math
import sys
from collections.abc import Mapping

from rules.language.limits import EXACT_INTEGER_MAX, FIELD_ITEMS_MAX, STRING_CHARS_MAX
from rules.language.tree import (
    Arithmetic,
    Call,
    Literal,
    Lookup,
    Negative,
    Node,
    Operator,
    Reference,
)

LARGEST = sys.float_info.max
_NFC_GROWTH_MAX = 3
"""Characters that one character can become in NFC. Source: Unicode Standard Annex 15, table 6."""

Bounds = Mapping[str, float]
"""The largest magnitude of each number field and derived number."""


def may_overflow(node: Node, bounds: Bounds) -> bool:
    """Whether the value can be infinite or NaN although all that it reads is known."""
    match node:
        case Arithmetic(first=first, rest=rest):
            operands = (first, *(operand for _, operand in rest))
            return magnitude(node, bounds) == math.inf or any(
                may_overflow(operand, bounds) for operand in operands
            )
        case Negative(operand=operand) | Call(function="abs", arguments=(operand,)):
            return may_overflow(operand, bounds)
        case _:
            return False


def is_exact(node: Arithmetic, integers: Bounds) -> bool:
    """Whether each step, done with integers within these bounds, is what doubles make of it."""
    reach = magnitude(node.first, integers)
    for operator, operand in node.rest:
        reach = _step(reach, operator, operand, magnitude(operand, integers))
        if reach > EXACT_INTEGER_MAX:
            return False
    return True


def magnitude(node: Node, bounds: Bounds) -> float:
    """Return a bound of the absolute value; infinity when there is none."""
    match node:
        case Literal() | Lookup() | Reference():
            return _leaf(node, bounds)
        case Negative(operand=operand):
            return magnitude(operand, bounds)
        case Arithmetic():
            return _chain(node, bounds)
        case Call(function="len"):
            return float(max(STRING_CHARS_MAX * _NFC_GROWTH_MAX, FIELD_ITEMS_MAX))
        case Call(arguments=arguments):
            return max(magnitude(argument, bounds) for argument in arguments) + 1.0
        case _:
            return math.inf


def _leaf(node: Literal | Lookup | Reference, bounds: Bounds) -> float:
    match node:
        case Literal(value=value):
            return abs(float(value))
        case Lookup(entries=entries):
            return max(abs(float(value)) for _, value in entries)
        case Reference(name=name):
            return bounds[name]


def _chain(node: Arithmetic, bounds: Bounds) -> float:
    # Rounding is monotonic, so a bound computed in doubles bounds what is computed in doubles.
    reach = magnitude(node.first, bounds)
    for operator, operand in node.rest:
        reach = _step(reach, operator, operand, magnitude(operand, bounds))
    return reach


def _step(reach: float, operator: Operator, operand: Node, size: float) -> float:
    """Return the bound behind one more operation; what once was infinite stays so."""
    match operator:
        case "+" | "-":
            return reach + size
        case "*":
            return math.inf if math.inf in {reach, size} else reach * size
        case "%":
            return math.inf if reach == math.inf else size
        case "/":
            # Only a literal keeps away from zero; 3 / 1e-320 is infinite.
            divides = isinstance(operand, Literal) and size > 0.0
            return reach / size if divides else math.inf
