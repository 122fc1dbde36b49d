"""The part of our language that CEL has too, and its translation.

Google's CEL absorbs errors in `&&` and `||` exactly as Kleene's logic absorbs UNKNOWN, which makes
it an oracle that we did not write. What differs by construction is left out, each for its reason:

- `is null`, `present`: CEL cannot turn an error into a value.
- `%`: CEL has it for integers only. `round`: CEL has none; `floor` and `ceil` are spelled out.
- division by what may be zero, results beyond doubles: CEL answers infinity.
- not a number, infinity, values of the wrong type: CEL compares them, we answer UNKNOWN.
- the length of a list field, order of conditions, escapes in strings, names that are not ASCII:
  CEL has them otherwise, or not at all.

Lists and bounds that are computed, which CEL takes more strictly or less than we do, are spelled
out with what it has: `x in [a, b]` is `x == a || x == b`, and both halves of `between` are asked.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cel_expr_python import cel
from typing_extensions import override

from rules.language.tree import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Items,
    Literal,
    Logic,
    Lookup,
    Membership,
    Negative,
    Node,
    Not,
    Reference,
)
from rules.program import FieldSpec
from tests.support.fuzz.texts import CONDITIONS, Texts

_TYPES: Final = {"number": cel.Type.DOUBLE, "string": cel.Type.STRING, "boolean": cel.Type.BOOL}
_WORDS: Final = {"and": " && ", "or": " || "}
_METHODS: Final = {"startswith": "startsWith", "endswith": "endsWith", "contains": "contains"}
_LIST_VALUE: Final = "len"


class CommonTexts(Texts):
    """Writes random expressions that CEL understands as well."""

    @override
    def _operand(self, operator: str, depth: int) -> str:
        if operator != "/":
            return self.number(depth)
        return self.random.choice(["2", "-4", "0.1", f"(abs({self.number(depth - 1)}) + 1)"])

    @override
    def _function(self, depth: int) -> str:
        name = self.random.choice(self.functions)
        return f"len({self.string()})" if name == _LIST_VALUE else super()._function(depth)


COMMON: Final[Mapping[str, Any]] = {
    "numbers": ("1", "2.5", "0", "-3"),
    "strings": ("'L'", "'a'", "''", "'ab'", "'\uac00'"),
    "arithmetic": ("+-", "*/"),
    "functions": ("abs", "floor", "ceil", "min", "max", "len"),
    "conditions": tuple(each for each in CONDITIONS if each not in ("is_null", "present")),
}
"""What `CommonTexts` is made with."""


class CelOracle:
    """Asks CEL about one condition over fields."""

    def __init__(self, root: Node, fields: Mapping[str, FieldSpec]) -> None:
        self._fields = fields
        roots = {
            spec.path[0]: cel.Type.DYN
            if len(spec.path) > 1
            else _TYPES.get(spec.type, cel.Type.DYN)
            for spec in fields.values()
        }
        self._compiled = cel.NewEnv(variables=roots).compile(self._spell(root))

    def ask(self, event: dict[str, Any]) -> bool | None:
        """Return True, False, or None for an error."""
        found = self._compiled.eval(data=event)
        return None if found.type() == cel.Type.ERROR else bool(found.plain_value())

    def _spell(self, node: Node) -> str:
        """Return the CEL text of a tree."""
        spell = _SPELLERS[type(node)]
        return f"({spell(self, node)})"

    def literal(self, node: Literal) -> str:
        if isinstance(node.value, bool):
            return str(node.value).lower()
        return f"'{node.value}'" if isinstance(node.value, str) else repr(float(node.value))

    def reference(self, node: Reference) -> str:
        return ".".join(self._fields[node.name].path)

    def items(self, node: Items) -> str:
        return f"[{', '.join(map(self._spell, node.items))}]"

    def lookup(self, node: Lookup) -> str:
        entries = (
            f"'{key}': {self.literal(Literal(0, 0, node.type, value))}"
            for key, value in node.entries
        )
        return f"{{{', '.join(entries)}}}[{self._spell(node.key)}]"

    def negative(self, node: Negative) -> str:
        return f"-{self._spell(node.operand)}"

    def negation(self, node: Not) -> str:
        return f"!{self._spell(node.operand)}"

    def logic(self, node: Logic) -> str:
        return _WORDS[node.operator].join(map(self._spell, node.operands))

    def arithmetic(self, node: Arithmetic) -> str:
        rest = "".join(f" {operator} {self._spell(operand)}" for operator, operand in node.rest)
        return f"{self._spell(node.first)}{rest}"

    def comparison(self, node: Comparison) -> str:
        return f"{self._spell(node.left)} {node.operator} {self._spell(node.right)}"

    def between(self, node: Between) -> str:
        value, low, high = map(self._spell, (node.value, node.low, node.high))
        return f"[{low} <= {value}, {value} <= {high}] == [true, true]"

    def membership(self, node: Membership) -> str:
        value = self._spell(node.value)
        found = f"{value} in {self._spell(node.container)}"
        if isinstance(node.container, Items) and node.container.items:
            found = " || ".join(f"{value} == {self._spell(item)}" for item in node.container.items)
        return f"!({found})" if node.negated else found

    def call(self, node: Call) -> str:
        first, *others = map(self._spell, node.arguments)
        match node.function:
            case "abs":
                return _spell_abs(first)
            case "floor" | "ceil" as function:
                return _spell_whole(function, first)
            case "len":
                return f"double(size({first}))"
            case "near":
                return f"{_spell_abs(f'({first} - {others[0]})')} <= {others[1]}"
            case "min" | "max" as function:
                return _spell_extreme("<=" if function == "min" else ">=", first, others)
            case function:
                return f"{first}.{_METHODS[function]}({others[0]})"


_SPELLERS: Final[Mapping[type[Node], Callable[[CelOracle, Any], str]]] = {
    Literal: CelOracle.literal,
    Reference: CelOracle.reference,
    Items: CelOracle.items,
    Lookup: CelOracle.lookup,
    Negative: CelOracle.negative,
    Not: CelOracle.negation,
    Logic: CelOracle.logic,
    Arithmetic: CelOracle.arithmetic,
    Comparison: CelOracle.comparison,
    Between: CelOracle.between,
    Membership: CelOracle.membership,
    Call: CelOracle.call,
}


def _spell_abs(value: str) -> str:
    return f"({value} < 0.0 ? -{value} : {value})"


def _spell_whole(function: str, value: str) -> str:
    """Return floor or ceil: CEL cuts towards zero."""
    cut = f"double(int({value}))"
    if function == "floor":
        return f"({cut} > {value} ? {cut} - 1.0 : {cut})"
    return f"({cut} < {value} ? {cut} + 1.0 : {cut})"


def _spell_extreme(operator: str, first: str, others: list[str]) -> str:
    """Return the smallest or largest; each error is one of the whole, as with us."""
    found = first
    for other in others:
        found = f"({found} {operator} {other} ? {found} : {other})"
    return found
