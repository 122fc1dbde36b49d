"""Names the parts of the language that a program uses, so that a fuzz can show what it reached."""

from collections.abc import Iterator

from rules.language.tree import (
    Arithmetic,
    Call,
    Comparison,
    IsNull,
    Logic,
    Lookup,
    Membership,
    Node,
    Reference,
    children,
)
from rules.program import FieldSpec, Program


def features_of(program: Program) -> set[str]:
    """Return which parts of the language the program uses."""
    found = {"derived value" for _ in program.derive}
    for spec in program.fields:
        found.update(_field_features(spec))
    for expression in [rule.when for rule in program.rules] + [each for _, each in program.derive]:
        for node in _all_nodes(expression.root):
            found.update(_node_features(node))
        if not expression.text.isascii():
            found.add("Korean")
    return found


def _field_features(spec: FieldSpec) -> Iterator[str]:
    for name in ("range", "one_of", "required"):
        if getattr(spec, name):
            yield name
    if len(spec.path) > 1:
        yield "nested field"
    yield f"{spec.type} field"


def _node_features(node: Node) -> Iterator[str]:
    match node:
        case Call(function=function):
            yield function
        case Arithmetic(rest=rest):
            yield from (operator for operator, _ in rest)
        case Comparison(left=left, operator=operator):
            yield f"{operator} of {left.type}s"
        case Logic(operator=operator):
            yield operator
        case Lookup():
            yield "look-up"
        case Membership(container=Reference()):
            yield "in a list field"
        case IsNull() | Membership():
            yield f"{'not ' if node.negated else ''}{type(node).__name__}"
        case Reference(derived=True):
            yield "derived value used"
        case _:
            yield type(node).__name__


def _all_nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in children(node):
        yield from _all_nodes(part)
