"""An oracle that we did not write: Google's CEL, on what both languages can say."""

from random import Random
from typing import Any

import pytest

from rules.language.codegen import generate
from rules.language.reference import evaluate
from tests.support.programs import field, program

pytest.importorskip("cel_expr_python.cel", reason="no CEL for this platform")

from tests.support.cel import CommonText, ask_cel

TYPES = {"a": "number", "b": "number", "c": "number", "n": "number", "m": "number"} | {
    "deep": "number", "s": "string", "t": "string", "p": "boolean", "q": "boolean"
}  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "number": [0.0, 1.0, 2.5, -3.0, 7.25],
    "string": ["", "a", "L", "\uac00"],
    "boolean": [True, False],
}
EXPRESSIONS = 250
INPUTS = 12


def draw_values(random: Random) -> dict[str, Any]:
    return {name: random.choice(VALUES[of]) for name, of in TYPES.items() if random.random() < 0.7}


def test_cel_says_the_same_of_what_both_can_say() -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random = Random(seed)
    text = CommonText(random, derived=False)
    fields = [field(name, of) for name, of in TYPES.items()]  # type: ignore[arg-type]  # plain words
    answers: list[bool | None] = []
    for _ in range(EXPRESSIONS):
        condition = text.condition(3)
        one = program(fields, [(condition, "yes")], otherwise="no", verdicts=("yes", "no"))
        find, ask = generate(one), ask_cel(one.rules[0].when.root, TYPES)
        for _ in range(INPUTS):
            values = draw_values(random)
            answers.append(ask(values))
            expected = {True: ("yes",), False: ("no",), None: ("yes", "no")}[answers[-1]]
            assert find(values).possible == expected, (seed, condition, values)
            assert evaluate(one, values).possible == expected, (seed, condition, values)
    assert min(answers.count(answer) for answer in (True, False, None)) > EXPRESSIONS
