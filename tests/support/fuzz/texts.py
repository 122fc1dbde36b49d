"""Writes random well-typed expressions of our language, from the names that a document declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

NUMBERS = ("0", "1", "2", "2.5", "-3", "0.1", "1e308", "1e200", "pi")
STRINGS = ("'L'", "'a'", "''", "'ab'", "'\uac00'", "'it\\'s'", "'k0) or (True'")
CONDITIONS = (
    "logic", "logic", "logic", "negation", "of_numbers", "of_numbers", "of_numbers", "of_strings",
    "of_conditions", "number_in", "string_in", "condition_in", "between", "is_null", "present",
    "near", "text_function", "flag",
)  # fmt: skip
_ORDER = ("<", "<=", ">", ">=", "==", "!=")
_EQUALITY = ("==", "!=")
_BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Words:
    """The names that expressions may use.

    Attributes:
        values: Texts of each scalar type: names of fields, constants and derived values, look-ups.
        lists: Names of list fields and list constants, by the type of element that may be sought.
        fields: Names of fields and derived values: what `present` takes.
        list_fields: Fields of type list.
    """

    values: Mapping[str, Sequence[str]]
    lists: Mapping[str, Sequence[str]]
    fields: Sequence[str]
    list_fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """Writes expressions at most `depth` levels deep.

    `plain` are the literals in use; names are preferred to literals, or too much would be the same
    for every event.
    """

    random: Random
    words: Words
    numbers: Sequence[str] = NUMBERS
    strings: Sequence[str] = STRINGS
    arithmetic: Sequence[str] = ("+-", "*/%")
    functions: Sequence[str] = ("abs", "floor", "ceil", "round", "digits", "min", "max", "len")
    conditions: Sequence[str] = CONDITIONS
    """What stands there more often is drawn more often."""

    def value(self, of: str, depth: int) -> str:
        """Return an expression of this type."""
        if of == "number":
            return self.number(depth)
        return self.string() if of == "string" else self.condition(depth)

    def number(self, depth: int) -> str:
        pick = self.random.random()
        if depth <= 0 or pick < 0.35:
            return self._leaf("number", self.numbers)
        if pick < 0.75:
            return self._chain(depth - 1)
        if pick < 0.8:
            return f"-({self.number(depth - 1)})"
        return self._function(depth - 1)

    def string(self) -> str:
        return self._leaf("string", self.strings)

    def condition(self, depth: int) -> str:
        if depth <= 0:
            return self._write(self.random.choice(("flag", "of_numbers")), 0)
        return f"({self._write(self.random.choice(self.conditions), depth - 1)})"

    def _write(self, form: str, depth: int) -> str:
        written: str = getattr(self, f"_{form}")(depth)
        return written

    # -- numbers and strings

    def _leaf(self, of: str, literals: Sequence[str]) -> str:
        names = self.words.values.get(of)
        return self.random.choice(names if names and self.random.random() < 0.7 else literals)

    def _chain(self, depth: int) -> str:
        operators = self.random.choice(self.arithmetic)
        text = self.number(depth)
        for _ in range(self.random.randint(1, 2)):
            operator = self.random.choice(operators)
            text += f" {operator} {self._operand(operator, depth)}"
        return f"({text})"

    def _operand(self, operator: str, depth: int) -> str:
        del operator
        return self.number(depth)

    def _function(self, depth: int) -> str:
        name = self.random.choice(self.functions)
        if name == "digits":
            return f"round({self.number(depth)}, {self.random.randint(0, 9)})"
        if name == "len":
            return f"len({self.random.choice([self.string(), self.string(), *self._lists()])})"
        count = self.random.randint(2, 3) if name in {"min", "max"} else 1
        return f"{name}({', '.join(self.number(depth) for _ in range(count))})"

    def _lists(self) -> list[str]:
        return [name for names in self.words.lists.values() for name in names]

    # -- conditions

    def _flag(self, _: int) -> str:
        return self._leaf(_BOOLEAN, ("true", "false"))

    def _logic(self, depth: int) -> str:
        word = self.random.choice([" and ", " or "])
        return word.join(self.condition(depth) for _ in range(self.random.randint(2, 3)))

    def _negation(self, depth: int) -> str:
        return f"not {self.condition(depth)}"

    def _of_numbers(self, depth: int) -> str:
        return f"{self.number(depth)} {self.random.choice(_ORDER)} {self.number(depth)}"

    def _of_strings(self, _: int) -> str:
        return f"{self.string()} {self.random.choice(_ORDER)} {self.string()}"

    def _of_conditions(self, depth: int) -> str:
        operator = self.random.choice(_EQUALITY)
        return f"({self.condition(depth)}) {operator} ({self.condition(depth)})"

    def _in(self) -> str:
        return self.random.choice(["in", "not in"])

    def _container(self, of: str, written: str) -> str:
        names = self.words.lists.get(of, ())
        return self.random.choice(names) if names and self.random.random() < 0.5 else written

    def _number_in(self, depth: int) -> str:
        listed = f"[{self.number(depth)}, 1, {self.number(0)}]"
        return f"{self.number(depth)} {self._in()} {self._container('number', listed)}"

    def _string_in(self, _: int) -> str:
        listed = f"[{self.string()}, 'a', {self.string()}]"
        return f"{self.string()} {self._in()} {self._container('string', listed)}"

    def _condition_in(self, depth: int) -> str:
        listed = f"[{self.condition(depth)}, {self.condition(depth)}]"
        return f"({self.condition(depth)}) {self._in()} {self._container(_BOOLEAN, listed)}"

    def _between(self, depth: int) -> str:
        value, low, high = (self.number(depth) for _ in range(3))
        return f"{value} between {low} and {high}"

    def _is_null(self, depth: int) -> str:
        operands = [self.number(depth), self.string(), self.condition(depth)]
        operands += self.words.list_fields
        return f"({self.random.choice(operands)}) is {self.random.choice(['', 'not '])}null"

    def _present(self, _: int) -> str:
        return f"present({self.random.choice(self.words.fields)})"

    def _near(self, depth: int) -> str:
        return f"near({self.number(depth)}, {self.number(depth)}, {self.number(0)})"

    def _text_function(self, _: int) -> str:
        name = self.random.choice(["contains", "startswith", "endswith"])
        return f"{name}({self.string()}, {self.string()})"
