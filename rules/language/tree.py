"""The typed tree: what an expression means after all its names and types are settled.

Every node knows where its text stands (`start`, `end`: 0-based character positions) and its type.
Constants are literals here. A tree is at most `DEPTH_MAX` + 1 nodes high: chains of `+ -`, of
`* / %`, of `and` and of `or` are one node each, so walking it by recursion is safe.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from typing import Literal as Word

from rules.language.types import Scalar, Type

Comparator = Word["<", "<=", ">", ">=", "==", "!="]
Operator = Word["+", "-", "*", "/", "%"]

OPPOSITES: Final[Mapping[Comparator, Comparator]] = {
    "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==",
}  # fmt: skip
"""What holds when a comparison of known values does not."""

FLIPPED: Final[Mapping[Comparator, Comparator]] = {
    "<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!=",
}  # fmt: skip
"""The same comparison read from its right side."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the text and a type."""

    start: int
    end: int
    type: Type


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A value known to the author: written down, or a constant by name."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list: written down, or a constant by name."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """A field of `input`, or a name of `derive`."""

    name: str
    derived: bool


@dataclass(frozen=True, slots=True)
class Lookup(Node):
    """The entry of a constant map under the value of a string; no entry is UNKNOWN."""

    constant: str
    entries: tuple[tuple[str, Scalar], ...]
    key: Reference


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """A chain from left to right, either of `+ -` or of `* / %`."""

    first: Node
    rest: tuple[tuple[Operator, Node], ...]


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """Minus a number."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function; the second argument of `round` is a literal."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """Two values of one type."""

    operator: Comparator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between(Node):
    """A number within two others, both included."""

    value: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Membership(Node):
    """A value in a list: `Items`, or a field of type list."""

    negated: bool
    value: Node
    container: Node


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """Whether a value is UNKNOWN; itself always true or false."""

    negated: bool
    operand: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    """Kleene's negation."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """Kleene's `and` or `or` over two operands or more."""

    operator: Word["and", "or"]
    operands: tuple[Node, ...]


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct parts of a node, in the order of the text."""
    match node:
        case Logic(operands=some) | Items(items=some) | Call(arguments=some):
            parts = some
        case Not(operand=one) | Negative(operand=one) | IsNull(operand=one) | Lookup(key=one):
            parts = (one,)
        case Comparison(left=left, right=right):
            parts = (left, right)
        case Between(value=value, low=low, high=high):
            parts = (value, low, high)
        case Membership(value=value, container=container):
            parts = (value, container)
        case Arithmetic(first=first, rest=rest):
            parts = (first, *(operand for _, operand in rest))
        case _:
            parts = ()
    return parts


def count_nodes(node: Node) -> int:
    """Return how many parts there are to compile: a list of known values is one of them."""
    if isinstance(node, Items) and all(isinstance(item, Literal) for item in node.items):
        return 1
    return 1 + sum(map(count_nodes, children(node)))


def references(node: Node) -> Iterator[Reference]:
    """Yield every mention of a field or derived name below `node`, in the order of the text."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, Reference):
            yield part
        else:
            pending.extend(reversed(children(part)))
