"""Python text for numbers and strings.

In the plain body every operand is known: an error, or `overflow()`, leaves it. Small integers stay
integers there, as long as what is made of them equals what doubles make. In the guarded body
UNKNOWN is NaN for numbers and None for strings; it passes through `+ - * / %` by itself, so only
what would swallow it is guarded: a divisor, an argument, and whatever is compared.
"""

from typing import cast

from rules.language.emit.magnitude import Bounds, is_exact, may_overflow
from rules.language.emit.namespace import Namespace
from rules.language.tree import Arithmetic, Call, Items, Literal, Lookup, Negative, Node, Reference


class Values:
    """Writes the values of one function body."""

    def __init__(
        self, namespace: Namespace, bounds: Bounds, integers: Bounds, *, guarded: bool
    ) -> None:
        self.guarded = guarded
        self.locals: dict[str, str] = {}
        self._namespace = namespace
        self._bounds = bounds
        self._integers = integers
        self._temporaries = 0

    def temporary(self) -> str:
        """Return a local name that nothing else uses."""
        self._temporaries += 1
        return f"x{self._temporaries}"

    def constant(self, value: str | frozenset[object]) -> str:
        return self._namespace.constant(value)

    def value(self, node: Node) -> str:
        """Return the value of a number, a string or a list: known or UNKNOWN, never infinite."""
        return self.finite(node) if node.type == "number" else self._raw(node)

    def finite(self, node: Node) -> str:
        """Return a number that is finite or UNKNOWN."""
        raw = self._raw(node)
        if not may_overflow(node, self._bounds):
            return raw
        name = self.temporary()
        otherwise = "nan" if self.guarded else "overflow()"
        return f"({name} if ({name} := {raw}) - {name} == 0.0 else {otherwise})"

    def _raw(self, node: Node) -> str:
        match node:
            case Literal(value=value):
                return self._literal(value)
            case Reference(name=name):
                return self.locals[name]
            case Lookup():
                return self._lookup(node)
            case Negative(operand=operand):
                return f"(-{self._raw(operand)})"
            case Arithmetic():
                return self._arithmetic(node)
            case Call():
                return self._call(node)
            case _:
                raise AssertionError(node)

    def _literal(self, value: float | str) -> str:
        if isinstance(value, str):
            return self._namespace.constant(value)
        return f"({value!r})" if value < 0 else f"{value!r}"

    def _lookup(self, node: Lookup) -> str:
        key = self.locals[node.key.name]
        if not self.guarded:
            return f"{self._namespace.table(node.constant, node.entries)}[{key}]"
        missing = ", nan" if node.type == "number" else ""
        return f"{self._namespace.getter(node.constant, node.entries)}({key}{missing})"

    def _arithmetic(self, node: Arithmetic) -> str:
        text = [self._raw(node.first)]
        if not self.guarded and not is_exact(node, self._integers):
            text.insert(0, "1.0 *")  # Python's integers would go on beyond what a double holds.
        for operator, operand in node.rest:
            divides = operator in {"/", "%"}
            text.append(f"{operator} {self._divisor(operand) if divides else self._raw(operand)}")
        return f"({' '.join(text)})"

    def _divisor(self, operand: Node) -> str:
        # 1 / infinity is 0 again, and division by zero raises: neither may happen unseen.
        value = self.finite(operand)
        if not self.guarded or (isinstance(operand, Literal) and operand.value):
            return value
        return f"({value} or nan)"

    def _call(self, node: Call) -> str:
        if node.function == "len":
            return self._length(node.arguments[0])
        if node.function == "round":
            return self._round(node)
        arguments = [self.finite(argument) for argument in node.arguments]
        if node.function in {"abs", "floor", "ceil"}:
            return f"{node.function}({arguments[0]})"
        if not self.guarded and len(arguments) == 2:
            return self._smaller_or_larger(node.function, arguments)
        return f"{node.function}imum({', '.join(arguments)})"

    def _round(self, node: Call) -> str:
        number, *rest = node.arguments
        digits = int(cast(Literal, rest[0]).value) if rest else 0
        return f"round_half_even({self.finite(number)}, {digits})"

    def _smaller_or_larger(self, function: str, arguments: list[str]) -> str:
        # A third of the time of a call of min() or max().
        left, right = (self.temporary() for _ in arguments)
        operator = "<=" if function == "min" else ">="
        test = f"({left} := {arguments[0]}) {operator} ({right} := {arguments[1]})"
        return f"({left} if {test} else {right})"

    def _length(self, of: Node) -> str:
        if isinstance(of, Items):
            return f"{float(len(of.items))!r}"
        if not self.guarded:
            return f"float(len({self._raw(of)}))"
        name = self.temporary()
        return f"(float(len({name})) if ({name} := {self._raw(of)}) is not None else nan)"
