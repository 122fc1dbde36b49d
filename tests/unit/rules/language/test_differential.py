"""The generated function and the reference evaluator agree on everything."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.language.codegen import generate
from rules.language.reference import evaluate
from rules.language.trace import explain
from tests.support.random_programs import random_input, random_program

PROGRAMS = 200
INPUTS = 25


@settings(max_examples=100, deadline=None, print_blob=True)
@given(st.randoms(use_true_random=False))
def test_generated_code_finds_what_the_reference_finds(random: Random) -> None:
    program = random_program(random)
    find = generate(program)
    for _ in range(5):
        values = random_input(random)
        assert find(values) == evaluate(program, values), [rule.when.text for rule in program.rules]


def test_random_inputs_of_all_kinds_find_the_same() -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random = Random(seed)
    kinds = {"invalid": 0, "incomplete": 0, "decided": 0, "open": 0}
    for _ in range(PROGRAMS):
        program = random_program(random)
        find = generate(program)
        for _ in range(INPUTS):
            values = random_input(random)
            found, expected = find(values), evaluate(program, values)
            assert found == expected, (seed, [rule.when.text for rule in program.rules], values)
            kinds["invalid"] += found.invalid is not None
            kinds["incomplete"] += bool(found.unknown)
            kinds["decided"] += found.verdict is not None
            kinds["open"] += len(found.possible) > 1
    # A comparison that never met a kind of input would prove nothing about it.
    assert min(kinds.values()) > PROGRAMS, kinds


@settings(max_examples=60, deadline=None, print_blob=True)
@given(st.randoms(use_true_random=False))
def test_explaining_never_fails_and_finds_the_same(random: Random) -> None:
    program = random_program(random)
    for _ in range(5):
        values = random_input(random)
        explanation = explain(program, values)
        assert explanation.findings == evaluate(program, values)
        assert all(isinstance(line, str) for line in explanation.lines())
        outcomes = [rule.outcome for rule in explanation.rules]
        assert "true" not in outcomes[:-1]
