"""An oracle that we did not write: Google's CEL, on what both languages can say.

It is asked beside the generated function alone: test_differential shows that all others agree
with that one.
"""

import os
from collections import Counter
from random import Random
from typing import Any

import pytest

from rules.language.codegen import generate
from tests.support.fuzz.campaign import chosen_cases, chosen_seed
from tests.support.fuzz.features import features_of
from tests.support.fuzz.texts import Words
from tests.support.programs import field, program

# In a pipeline it must be there: a comparison that is left out looks like one that passed.
if not os.environ.get("CI"):
    pytest.importorskip("cel_expr_python.cel", reason="no CEL for this platform")

from tests.support.cel import COMMON, CelOracle, CommonTexts

FIELDS = {
    each.name: each
    for each in (
        field("a"), field("b"), field("c"), field("n", "integer"),
        field("deep", path=("x", "y")), field("deeper", path=("x", "z", "w")),
        field("s", "string"), field("t", "string"), field("word", "string", path=("x", "word")),
        field("p", "boolean"), field("q", "boolean"), field("tags", "list"),
    )
}  # fmt: skip
CONSTANTS: dict[str, Any] = {
    "limit": {"L": 1, "a": 2.5},
    "word_of": {"L": "ab", "": "L"},
    "flag_of": {"L": True, "a": False},
    "numbers": [1, 2.5],
    "words": ["a", "L"],
}
WORDS = Words(
    values={
        "number": ["a", "b", "c", "n", "deep", "deeper", "limit[s]", "limit[word]"],
        "string": ["s", "t", "word", "word_of[t]"],
        "boolean": ["p", "q", "flag_of[s]"],
    },
    lists={"number": ["numbers", "tags"], "string": ["words", "tags"]},
    fields=list(FIELDS),
)
VALUES: dict[str, tuple[Any, ...]] = {
    "number": (0.0, 1.0, 2.5, -3.0, 7.25, -0.5),
    "integer": (0.0, 1.0, -3.0),
    "string": ("", "a", "L", "ab", "\uac00"),
    "boolean": (True, False),
    "list": ([], [1.0, "a"], ["L", 2.5], ["ab"]),
}
CASES = 8_000
"""`make fuzz` and CI ask for many more."""
SHARES_FROM = 50_000
"""Cases from which on each part of the language must have come up."""
EVENTS_PER_CONDITION = 80
EVENTS = 5_000
"""All events of a run, from which those for each condition are drawn."""
PARTS = (
    "abs", "floor", "ceil", "min", "max", "len", "startswith", "endswith", "contains", "near", "+",
    "-", "*", "/", "and", "or", "Not", "Between", "Membership", "not Membership", "look-up",
    "in a list field", "Negative",
)  # fmt: skip


def draw_event(random: Random) -> dict[str, Any]:
    """Return an event that lacks about a sixth of its values, or one of their parents."""
    event: dict[str, Any] = {}
    for spec in FIELDS.values():
        if random.random() < 0.15:
            continue
        place = event
        for parent in spec.path[:-1]:
            place = place.setdefault(parent, {})
        place[spec.path[-1]] = random.choice(VALUES[spec.type])
    return event


@pytest.mark.no_cover
@pytest.mark.timeout(300 + chosen_cases(CASES) // 100)
def test_cel_says_the_same_of_what_both_can_say() -> None:
    seed = chosen_seed()
    print(f"RULES_FUZZ_SEED={seed}")
    random = Random(seed)
    texts = CommonTexts(random, WORDS, **COMMON)
    answers: Counter[bool | None] = Counter()
    features: Counter[str] = Counter()
    events = [draw_event(random) for _ in range(EVENTS)]
    conditions = chosen_cases(CASES) // EVENTS_PER_CONDITION
    for _ in range(conditions):
        text = texts.condition(random.randint(2, 3))
        one = program(
            list(FIELDS.values()), [(text, "yes")], constants=CONSTANTS, otherwise="no",
            verdicts=("yes", "no"),
        )  # fmt: skip
        features.update(features_of(one))
        find, oracle = generate(one), CelOracle(one.rules[0].when.root, FIELDS)
        for event in random.sample(events, EVENTS_PER_CONDITION):
            answer = oracle.ask(event)
            answers[answer] += 1
            expected = {True: ("yes",), False: ("no",), None: ("yes", "no")}[answer]
            assert find(event).possible == expected, (seed, text, event)
    print({answer: f"{count / answers.total():.1%}" for answer, count in answers.items()})
    print({part: f"{features[part] / conditions:.1%}" for part in PARTS})
    if answers.total() < SHARES_FROM:
        return  # too few for shares
    assert min(answers[each] for each in (True, False, None)) > 0.15 * answers.total()
    assert not [part for part in PARTS if features[part] < 0.01 * conditions]
