"""The part of our language that CEL has too, and its translation.

Google's CEL absorbs errors in `&&` and `||` exactly as Kleene's logic absorbs UNKNOWN, which makes
it an oracle that we did not write. Left out is what differs by construction: division, functions,
null tests, look-ups, overflow, and lists or bounds that are computed (CEL is strict there).
"""

from collections.abc import Callable
from typing import Any, Final

from cel_expr_python import cel
from typing_extensions import override

from rules.language.tree import (
    Arithmetic,
    Between,
    Comparison,
    Items,
    Literal,
    Logic,
    Membership,
    Negative,
    Node,
    Not,
    Reference,
)
from tests.support.random_programs import RandomText

_TYPES: Final = {"number": cel.Type.DOUBLE, "string": cel.Type.STRING, "boolean": cel.Type.BOOL}
_WORDS: Final = {"and": " && ", "or": " || "}


class CommonText(RandomText):
    """Writes random expressions that CEL understands as well."""

    @override
    def number(self, depth: int) -> str:
        names = [*self._names["number"], "1", "2.5", "0", "-3"]
        if depth <= 0 or self._random.random() < 0.4:
            return self._random.choice(names)
        if self._random.random() < 0.1:
            return f"-({self.number(depth - 1)})"
        operator = self._random.choice("+-*")
        return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"

    @override
    def string(self) -> str:
        return self._random.choice([*self._names["string"], "'L'", "'a'", "''", "'\uac00'"])

    @override
    def condition(self, depth: int) -> str:
        if depth <= 0 and self._random.random() < 0.5:
            return self._random.choice([*self._names["boolean"], "true", "false"])
        return super().condition(depth) if depth > 0 else f"({self._comparison(0)})"

    @override
    def _makers(self) -> list[Callable[[int], str]]:
        return [
            self._logic, self._logic, self._logic, self._negation, self._comparison,
            self._comparison, self._of_strings, self._of_conditions, self._among_numbers,
            self._among_strings, self._within,
        ]  # fmt: skip

    def _among_numbers(self, depth: int) -> str:
        return f"{self.number(depth)} {self._in()} [1, 2.5, -3]"

    def _among_strings(self, _: int) -> str:
        return f"{self.string()} {self._in()} ['L', 'a']"

    def _within(self, depth: int) -> str:
        return f"{self.number(depth)} between -1 and 2.5"


def ask_cel(root: Node, types: dict[str, str]) -> Callable[[dict[str, Any]], bool | None]:
    """Return the function from usable values to CEL's answer: True, False, or None for an error."""
    variables = {name: _TYPES[of] for name, of in types.items()}
    compiled = cel.NewEnv(variables=variables).compile(to_cel(root))

    def answer(values: dict[str, Any]) -> bool | None:
        found = compiled.eval(data=values)
        return None if found.type() == cel.Type.ERROR else bool(found.plain_value())

    return answer


def to_cel(node: Node) -> str:  # noqa: PLR0911 -- one case for each kind of node
    """Return the CEL text of a tree."""
    match node:
        case Literal(value=value):
            return _literal(value)
        case Reference(name=name):
            return name
        case Items(items=items):
            return f"[{', '.join(map(to_cel, items))}]"
        case Negative(operand=operand):
            return f"(-{to_cel(operand)})"
        case Not(operand=operand):
            return f"(!{to_cel(operand)})"
        case Logic(operator=operator, operands=operands):
            return f"({_WORDS[operator].join(map(to_cel, operands))})"
        case Arithmetic(first=first, rest=rest):
            chain = "".join(f" {operator} {to_cel(operand)}" for operator, operand in rest)
            return f"({to_cel(first)}{chain})"
        case Comparison(left=left, right=right, operator=operator):
            return f"({to_cel(left)} {operator} {to_cel(right)})"
        case Between(value=value, low=low, high=high):
            return f"({to_cel(low)} <= {to_cel(value)} && {to_cel(value)} <= {to_cel(high)})"
        case Membership(value=value, container=container, negated=negated):
            return f"({'!' if negated else ''}({to_cel(value)} in {to_cel(container)}))"
        case _:
            raise AssertionError(node)


def _literal(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else f"({value!r})"
