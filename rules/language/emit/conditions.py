"""Python text for conditions, and the three ways to ask one.

`plain` asks a condition whose operands are all known. The guarded body asks twice, with two
values each: `maybe` holds unless the condition is false, `sure` only if it is true; it is UNKNOWN
when `maybe` holds and `sure` does not. `and` and `or` are then Python's own, and `not` swaps the
two questions.
"""

from collections.abc import Callable
from typing import Final, Literal

from rules.language.emit.values import Values
from rules.language.tree import (
    OPPOSITES,
    Arithmetic,
    Between,
    Call,
    Comparator,
    Comparison,
    IsNull,
    Items,
    Logic,
    Lookup,
    Membership,
    Node,
    Not,
    Reference,
)
from rules.language.tree import Literal as LiteralNode

Question = Literal["plain", "sure", "maybe"]

_NEGATED: Final[dict[Question, Question]] = {"plain": "plain", "sure": "maybe", "maybe": "sure"}


_LEAN: Final[dict[Question, frozenset[Comparator]]] = {
    "plain": frozenset(OPPOSITES),
    "sure": frozenset({"<", "<=", ">", ">=", "=="}),
    "maybe": frozenset({"<", "<=", ">", ">=", "!="}),
}
"""Comparisons of numbers that NaN answers rightly by itself: it is false to all but `!=`."""


class Conditions:
    """Writes the conditions of one function body.

    `hoisted` collects statements that must run before the condition that was asked: conditions
    that are values of others, like `(a > 1) == (b > 1)`, are worked out once, or the text would
    double with each level.
    """

    def __init__(self, values: Values, always_known: frozenset[str]) -> None:
        self.hoisted: list[str] = []
        self._values = values
        self._always_known = always_known
        self._hoisted_names: dict[int, tuple[str, Node]] = {}

    def ask(self, node: Node, question: Question) -> str:
        """Return Python text whose truth answers the question."""
        match node:
            case Logic(operator=operator, operands=operands):
                asked = [self.ask(operand, question) for operand in operands]
                return f"({f' {operator} '.join(asked)})"
            case Not(operand=operand):
                return f"(not {self.ask(operand, _NEGATED[question])})"
            case IsNull():
                return self._is_null(node.operand, negated=node.negated)
            case Call():
                return self._call(node, question)
            case Comparison() | Between() | Membership():
                return self._condition(node, question)
            case _:
                return self._flag(node, question)

    def _condition(self, node: Comparison | Between | Membership, question: Question) -> str:
        match node:
            case Comparison():
                return self._comparison(node, question)
            case Between(value=value, low=low, high=high):
                return self._between((value, low, high), question)
            case Membership(value=value, container=Items() as items, negated=negated):
                asked = _NEGATED[question] if negated else question
                found = self._among(value, items, asked)
                return f"(not {found})" if negated else found
            case Membership(value=value, container=container, negated=negated):
                word = "not in" if negated else "in"
                return self._atom((value, container), question, f"{{}} {word} {{}}".format)

    def three_valued(self, node: Node) -> str:
        """Return text with the value True, False or None (UNKNOWN); guarded body only."""
        return f"True if {self.ask(node, 'sure')} else None if {self.ask(node, 'maybe')} else False"

    # -- atoms

    def _atom(
        self, operands: tuple[Node, ...], question: Question, test: Callable[..., str]
    ) -> str:
        checks: list[str] = []
        names = [self._operand(operand, question, checks) for operand in operands]
        word = " or " if question == "maybe" else " and "
        return f"({word.join([*checks, test(*names)])})"

    def _operand(self, node: Node, question: Question, checks: list[str]) -> str:
        """Return the text of an operand; what asks whether it is known goes to `checks`."""
        value = self._value(node)
        if question == "plain" or not self._can_be_unknown(node):
            return value
        name = value
        if not isinstance(node, Reference):
            name = self._values.temporary()
            value = f"({name} := {value})"
        wanted = question == "sure"
        if node.type == "number":
            checks.append(f"{value} {'==' if wanted else '!='} {name}")  # NaN differs from itself.
        else:
            checks.append(f"{value} {'is not' if wanted else 'is'} None")
        return name

    def _comparison(self, node: Comparison, question: Question) -> str:
        operator, operands = node.operator, (node.left, node.right)
        if node.left.type == "number" and operator in _LEAN[question]:
            left, right = (self._value(operand) for operand in operands)
            if question == "maybe":
                return f"(not {left} {OPPOSITES[operator]} {right})"
            return f"({left} {operator} {right})"
        return self._atom(operands, question, f"{{}} {operator} {{}}".format)

    def _between(self, operands: tuple[Node, Node, Node], question: Question) -> str:
        if question != "plain" or isinstance(operands[2], (LiteralNode, Reference)):
            return self._atom(operands, question, "{1} <= {0} <= {2}".format)
        # Python does not come to the third operand when the first comparison fails; an error in
        # it must be seen all the same, so it goes first. It is finite, hence equal to itself.
        name = self._values.temporary()
        test = f"({name} := {{2}}) == {name} and {{1}} <= {{0}} <= {name}"
        return self._atom(operands, question, test.format)

    def _among(self, value: Node, items: Items, question: Question) -> str:
        known = frozenset(item.value for item in items.items if isinstance(item, LiteralNode))
        computed = [item for item in items.items if not isinstance(item, LiteralNode)]
        name = self._values.temporary()
        checks: list[str] = []
        first = self._operand(value, question, checks)
        tests = [f"({name} := {first}) in {self._values.constant(known)}"]
        tests += [self._atom((item,), question, f"{name} == {{}}".format) for item in computed]
        either = f"({' or '.join(tests)})"
        return f"({(' or ' if question == 'maybe' else ' and ').join([*checks, either])})"

    def _flag(self, node: Node, question: Question) -> str:
        if isinstance(node, LiteralNode):
            return f"{bool(node.value)}"
        value = self._values.value(node)
        return f"({value} is not False)" if question == "maybe" else value

    def _is_null(self, operand: Node, *, negated: bool) -> str:
        if not self._can_be_unknown(operand):
            return f"{negated}"
        value = self._value(operand)
        if not self._values.guarded:
            # It is asked all the same: an error in it leaves this body.
            if isinstance(operand, Reference):
                return f"{negated}"
            value = f"({self._values.temporary()} := {value})"
            return f"({value} {'is not' if negated else 'is'} None)"
        if operand.type != "number":
            return f"({value} {'is not' if negated else 'is'} None)"
        name = self._values.temporary()
        return f"(({name} := {value}) {'==' if negated else '!='} {name})"

    def _call(self, node: Call, question: Question) -> str:
        arguments = node.arguments
        match node.function:
            case "present":
                return self._is_null(arguments[0], negated=True)
            case "near":
                return self._atom(_distance(node), question, "{} <= {}".format)
            case "contains":
                return self._atom(arguments, question, "{1} in {0}".format)
            case function:
                return self._atom(arguments, question, f"{{}}.{function}({{}})".format)

    # -- operands

    def _value(self, node: Node) -> str:
        if node.type != "boolean" or isinstance(node, (Reference, Lookup)):
            return self._values.value(node)
        if isinstance(node, LiteralNode) or not self._values.guarded:
            return self.ask(node, "plain")
        return self._hoist(node)

    def _hoist(self, node: Node) -> str:
        if id(node) not in self._hoisted_names:
            text = self.three_valued(node)
            name = self._values.temporary()
            self.hoisted.append(f"{name} = {text}")
            self._hoisted_names[id(node)] = (name, node)
        return self._hoisted_names[id(node)][0]

    def _can_be_unknown(self, node: Node) -> bool:
        if isinstance(node, Reference):
            return node.name not in self._always_known
        return not isinstance(node, LiteralNode)


def _distance(near: Call) -> tuple[Node, Node]:
    left, right, tolerance = near.arguments
    difference = Arithmetic(near.start, near.end, "number", left, (("-", right),))
    return Call(near.start, near.end, "number", "abs", (difference,)), tolerance
