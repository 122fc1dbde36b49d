"""Which numbers come out of floating point exactly, so that `==` on them means something."""

from rules.language.scope import Scope
from rules.language.tree import (
    Arithmetic,
    Call,
    Literal,
    Lookup,
    Negative,
    Node,
    Reference,
    children,
)

_WHOLE_RESULTS = frozenset({"floor", "ceil", "round", "len"})
"""Their results are integers, or the double nearest to a short decimal: comparable by design."""


def is_exact(node: Node, scope: Scope) -> bool:
    """Whether the number is as its author or producer wrote it, or an integer computed of such."""
    match node:
        case Reference(derived=True, name=name):
            return scope.derived[name].is_exact
        case Negative(operand=operand):
            return is_exact(operand, scope)
        case Call(function=function, arguments=arguments):
            return function in _WHOLE_RESULTS or all(is_exact(each, scope) for each in arguments)
        case Arithmetic():
            return is_whole(node, scope)
        case _:
            return True


def is_whole(node: Node, scope: Scope) -> bool:
    """Whether the number is an integer whenever it is known, and computed of such alone."""
    match node:
        case Literal() | Lookup() | Reference():
            return _is_whole_leaf(node, scope)
        case Call(function="floor" | "ceil" | "len") | Call(function="round", arguments=(_,)):
            return True
        case Call(function="round"):
            return False
        case Arithmetic(rest=rest) if any(operator == "/" for operator, _ in rest):
            return False
    return all(is_whole(part, scope) for part in children(node))


def _is_whole_leaf(node: Literal | Lookup | Reference, scope: Scope) -> bool:
    match node:
        case Literal(value=value):
            return float(value).is_integer()
        case Lookup(entries=entries):
            return all(float(value).is_integer() for _, value in entries)
        case Reference(derived=True, name=name):
            return scope.derived[name].is_whole
        case Reference(name=name):
            return scope.fields[name].type == "integer"
