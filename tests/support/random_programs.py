"""Random programs and random inputs, for whatever must agree on all of them."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

from rules.language.problems import ExpressionError
from rules.program import FieldSpec, Program
from tests.support.programs import field, program

CONSTANTS: dict[str, Any] = {
    "limit": {"L": 1, "M": 2, "H": 3},
    "part": {"a": 1.5},
    "word_of": {"L": "ab", "M": "b", "H": ""},
    "flag_of": {"L": True, "M": False, "H": True},
    "numbers": [1, 2, 3],
    "words": ["a", "L"],
    "nothing": [],
}
FIELDS = (
    field("a"),
    field("b", range=(-10, 10)),
    field("c", one_of=(1, 2, 3.5)),
    field("n", "integer"),
    field("m", "integer", range=(0, 5)),
    field("s", "string"),
    field("t", "string", one_of=("L", "M", "H")),
    field("p", "boolean"),
    field("q", "boolean"),
    field("tags", "list"),
    field("deep", path=("x", "y")),
)
_USABLE: dict[str, list[Any]] = {
    "a": [1, 2, 2.5, -3, 0],
    "b": [1, 2.0, 0, -10],
    "c": [1, 3.5],
    "n": [0, 1, 2, 3.0],
    "m": [1, 2, 5],
    "s": ["a", "L", "\uac00\u1100\u1161", ""],
    "t": ["L", "M", "H"],
    "p": [True, False],
    "q": [True, False],
    "tags": [["a", 1], [], ["\u1100\u1161", 2.5]],
    "deep": [1, 2.5],
}
_ODD: list[Any] = [
    None, True, False, 0, 1, 2, 3.5, -1, 5, 1e308, -1e308, math.inf, math.nan, 2**70, 10**400,
    2**53 + 1, -0.0, 1e-320, 300, "", "L", "a", "ab", "M", "\u1100\u1161", "x" * 9_000, [], ["a", 1],
    [1, None], ["L"], [True], {}, {"y": 1},
]  # fmt: skip
_ORDER = ("<", "<=", ">", ">=", "==", "!=")
_NAMES = {"number": ["a", "b", "c", "n", "m", "deep"], "string": ["s", "t"], "boolean": ["p", "q"]}
_DERIVED = {"number": ["dn"], "string": ["ds"], "boolean": ["db"]}


class RandomText:
    """Writes random well-typed expressions, at most `depth` levels deep."""

    def __init__(self, random: Random, *, derived: bool) -> None:
        self._random = random
        self._names = {
            of: names + (_DERIVED[of] if derived else []) for of, names in _NAMES.items()
        }

    def number(self, depth: int) -> str:
        pick = self._random.random()
        if depth <= 0 or pick < 0.35:
            literals = ["1", "2.5", "0", "-3", "1e308", "pi", "limit[t]", "part[s]"]
            return self._random.choice(self._names["number"] + literals)
        if pick < 0.75:
            parts = [self.number(depth - 1) for _ in range(self._random.randint(2, 3))]
            operators = self._random.choice(["+-", "*/%"])
            return "(" + parts[0] + "".join(
                f" {self._random.choice(operators)} {part}" for part in parts[1:]
            ) + ")"  # fmt: skip
        if pick < 0.8:
            return f"-({self.number(depth - 1)})"
        return self._function(depth - 1)

    def _function(self, depth: int) -> str:
        name = self._random.choice(["abs", "floor", "ceil", "round", "digits", "min", "max", "len"])
        if name == "digits":
            return f"round({self.number(depth)}, {self._random.randint(0, 9)})"
        if name == "len":
            return f"len({self._random.choice([self.string(), 'tags', 'words'])})"
        count = self._random.randint(2, 3) if name in {"min", "max"} else 1
        return f"{name}({', '.join(self.number(depth) for _ in range(count))})"

    def string(self) -> str:
        literals = ["'L'", "'a'", "''", "word_of[t]", "'\uac00'"]
        return self._random.choice(self._names["string"] + literals)

    def condition(self, depth: int) -> str:
        if depth <= 0:
            return self._random.choice(
                [*self._names["boolean"], "true", "false", "flag_of[t]", self._comparison(0)]
            )
        return f"({self._random.choice(self._makers())(depth - 1)})"

    def _makers(self) -> list[Callable[[int], str]]:
        """Return what writes conditions; what stands there more often is drawn more often."""
        return [
            self._logic, self._logic, self._logic, self._negation, self._comparison,
            self._comparison, self._comparison, self._of_strings, self._of_conditions,
            self._numbers_in, self._strings_in, self._conditions_in, self._between, self._is_null,
            self._present, self._near, self._text_function,
        ]  # fmt: skip

    def _logic(self, depth: int) -> str:
        word = self._random.choice([" and ", " or "])
        return word.join(self.condition(depth) for _ in range(self._random.randint(2, 3)))

    def _negation(self, depth: int) -> str:
        return f"not {self.condition(depth)}"

    def _comparison(self, depth: int) -> str:
        return f"{self.number(depth)} {self._random.choice(_ORDER)} {self.number(depth)}"

    def _of_strings(self, _: int) -> str:
        return f"{self.string()} {self._random.choice(_ORDER)} {self.string()}"

    def _of_conditions(self, depth: int) -> str:
        operator = self._random.choice(["==", "!="])
        return f"({self.condition(depth)}) {operator} ({self.condition(depth)})"

    def _in(self) -> str:
        return self._random.choice(["in", "not in"])

    def _numbers_in(self, depth: int) -> str:
        listed = f"[{self.number(depth)}, 1, {self.number(0)}]"
        container = self._random.choice(["numbers", "tags", "nothing", "[2]", listed])
        return f"{self.number(depth)} {self._in()} {container}"

    def _strings_in(self, _: int) -> str:
        listed = f"[{self.string()}, {self.string()}]"
        container = self._random.choice(["words", "tags", "nothing", listed])
        return f"{self.string()} {self._in()} {container}"

    def _conditions_in(self, depth: int) -> str:
        listed = f"[{self.condition(depth)}, {self.condition(depth)}]"
        return f"({self.condition(depth)}) {self._in()} {listed}"

    def _between(self, depth: int) -> str:
        value, low, high = (self.number(depth) for _ in range(3))
        return f"{value} between {low} and {high}"

    def _is_null(self, depth: int) -> str:
        operand = self._random.choice(
            [self.number(depth), self.string(), self.condition(depth), "tags"]
        )
        return f"({operand}) is {self._random.choice(['', 'not '])}null"

    def _present(self, _: int) -> str:
        names = [name for names in self._names.values() for name in names]
        return f"present({self._random.choice([*names, 'tags'])})"

    def _near(self, depth: int) -> str:
        return f"near({self.number(depth)}, {self.number(depth)}, {self.number(0)})"

    def _text_function(self, _: int) -> str:
        name = self._random.choice(["contains", "startswith", "endswith"])
        return f"{name}({self.string()}, {self.string()})"


def random_program(random: Random) -> Program:
    """Return a program of up to four rules over `FIELDS`, with three derived values."""
    while True:
        try:
            return _draw_program(random)
        except ExpressionError as error:
            # Now and then one is drawn that is beyond a limit; every other refusal is a bug.
            if not any(word in str(error) for word in ("more than", "longer than", "deeper than")):
                raise


def _draw_program(random: Random) -> Program:
    above, all_names = RandomText(random, derived=False), RandomText(random, derived=True)
    rules = [
        (
            all_names.condition(random.randint(1, 3)),
            random.choice(["ok", "fail", "undetermined"]),
            random.choice([0.5, 0.7, 0.9, 1.0]),
        )
        for _ in range(random.randint(1, 4))
    ]
    return program(
        [_sometimes_required(each, random) for each in FIELDS],
        rules,
        constants=CONSTANTS,
        derive={
            "dn": above.number(2),
            "ds": random.choice(["s", "t", "word_of[t]", "'q'"]),
            "db": above.condition(2),
        },
        otherwise=random.choice([None, "ok", ("fail", 0.6)]),
    )


def _sometimes_required(spec: FieldSpec, random: Random) -> FieldSpec:
    required = random.random() < 0.08
    return field(
        spec.name,
        spec.type,
        path=spec.path,
        range=spec.range,
        one_of=spec.one_of,
        required=required,
    )


def random_input(random: Random) -> dict[str, Any]:
    """Return an input for `FIELDS`: complete, or with missing, ill-typed and odd values."""
    complete = random.random() < 0.4
    values: dict[str, Any] = {}
    for spec in FIELDS:
        pick = random.random()
        if not complete and pick < 0.1:
            continue
        odd = not complete and pick < 0.25
        value = random.choice(_ODD if odd else _USABLE[spec.name])
        if spec.name == "deep":
            values["x"] = value if odd and random.random() < 0.5 else {"y": value}
        else:
            values[spec.name] = value
    return values
