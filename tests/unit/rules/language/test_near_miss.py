"""Near misses, by property: what is suggested makes the rule fire, and nothing less does."""

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from rules.language.codegen import generate
from rules.language.near_miss import CHANGES_MAX, Change
from rules.language.reference import evaluate
from rules.language.trace import explain
from rules.program import Program
from tests.support.programs import field, program

ATOMS = {
    "a < 3": "a",
    "5 <= b": "b",
    "c between 1 and 4": "c",
    "d == 2": "d",
    "e != 2": "e",
    "f > g": "f",
    "h - g >= 0.5": "h",
    "p": "p",
}
"""Comparisons, each with the field by which it can be turned; no two are turned by the same."""
NUMBERS = (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0, 6.25)
"""Sums and differences of these are exact, so that adding a difference reaches its bound."""
STEP = 0.25
FIELDS = [field(name) for name in "abcdefgh"] + [field("p", "boolean")]
PROGRAMS = {text: program(FIELDS, [(text, "fail")]) for text in ATOMS}
CONDITIONS = 150


def draw_condition(random: Random, depth: int) -> str:
    if depth == 0 or random.random() < 0.15:
        return random.choice([*ATOMS, *ATOMS, "true", "false"])
    if random.random() < 0.25:
        return f"not ({draw_condition(random, depth - 1)})"
    word = random.choice([" and ", " or "])
    return word.join(f"({draw_condition(random, depth - 1)})" for _ in range(random.randint(2, 3)))


def draw_event(random: Random) -> dict[str, Any]:
    """Return an event; `g`, against which others are compared, is always known."""
    event: dict[str, Any] = {name: random.choice(NUMBERS) for name in "abcdefgh"}
    event["p"] = random.choice([True, False])
    return {key: value for key, value in event.items() if key == "g" or random.random() < 0.85}


def fires(one: Program, event: dict[str, Any]) -> bool:
    return generate(one)(event).rule == "R0"


def apply(change: Change, event: dict[str, Any]) -> None:
    """Do what the change says: add the difference, and a step where the bound does not suffice."""
    comparison = change.comparison
    name = ATOMS[comparison.text]
    if comparison.form == "flag":
        event[name] = change.wanted
        return
    if comparison.value is None:
        event[name] = turned(comparison.text, event, wanted=change.wanted)
        return
    assert change.difference is not None
    event[name] += change.difference
    if comparison.form == "between":
        assert isinstance(comparison.bound, tuple)
        event[name] += 0 if change.wanted else -STEP if event[name] == comparison.bound[0] else STEP
    else:
        event[name] += {"<": -STEP, ">": STEP, "!=": STEP}.get(change.operator or "", 0)


def turned(text: str, event: dict[str, Any], *, wanted: bool) -> Any:
    """Return a value of the atom's field by which it comes out as wanted."""
    if text == "p":
        return wanted
    of, name = PROGRAMS[text], ATOMS[text]
    values = (-50.0, 2.0, 50.0)
    return next(
        value for value in values if (evaluate(of, {**event, name: value}).rule == "R0") is wanted
    )


def fewest_by_brute_force(one: Program, text: str, event: dict[str, Any]) -> int | None:
    """Return how many atoms must be turned, whichever; None for more than `CHANGES_MAX`."""
    find = generate(one)
    mentioned = [atom for atom in ATOMS if atom in text]
    for count in range(CHANGES_MAX + 1):
        for changed in ways_to_turn(mentioned, count, event):
            if find(changed).rule == "R0":
                return count
    return None


def ways_to_turn(atoms: list[str], count: int, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for chosen in itertools.combinations(atoms, count):
        for wanted in itertools.product([True, False], repeat=count):
            changes = {
                ATOMS[atom]: turned(atom, event, wanted=each)
                for atom, each in zip(chosen, wanted, strict=True)
            }
            yield {**event, **changes}


@pytest.mark.no_cover
@pytest.mark.timeout(120)
def test_the_suggested_changes_make_the_rule_fire_and_no_fewer_do() -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random = Random(seed)
    counts = dict.fromkeys([None, 0, 1, 2, 3], 0)
    for _ in range(CONDITIONS):
        text = draw_condition(random, 3)
        one = program(FIELDS, [(text, "fail")])
        event = draw_event(random)
        changes = explain(one, event).rules[0].changes

        fewest = fewest_by_brute_force(one, text, event)

        assert len(changes) == (fewest or 0), (seed, text, event, changes)
        counts[fewest] += 1
        if changes:
            changed = dict(event)
            for change in changes:
                apply(change, changed)
            assert fires(one, changed), (seed, text, event, changed, changes)
    print(counts)
    assert min(counts[None], counts[0], counts[1], counts[2] + counts[3]) > 3, counts


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("(a < 3 or p) and (a < 3 or d == 2)", ["a < 3"]),
        ("(a < 3 or p) and (p or d == 2)", ["p"]),
        ("a < 3 and (p or not a < 3)", ["a < 3", "p"]),
        ("a < 3 and not a < 3", []),
        ("5 <= b and (not 5 <= b or p)", ["p"]),
        ("p and a < 3", ["p", "a < 3"]),
    ],
)
def test_a_comparison_in_two_places_is_one_change_in_one_direction(
    text: str, changed: list[str]
) -> None:
    event = {"a": 5.0, "b": 6.0, "d": 0.0, "p": False}

    (rule,) = explain(program(FIELDS, [(text, "fail")]), event).rules

    assert [change.comparison.text for change in rule.changes] == changed


def test_the_search_is_quick_on_the_widest_conditions() -> None:
    """Each half offers forty ways; together they offer 1,600, of which few are kept."""
    halves = [
        " or ".join(f"{name} == {index}" for index in range(100, 139)) for name in ("a", "b", "c")
    ]
    text = " and ".join(f"({half})" for half in halves)

    (rule,) = explain(program(FIELDS, [(text, "fail")]), {"a": 1.0, "b": 2.0, "c": 3.0}).rules

    assert [change.comparison.text for change in rule.changes] == [
        "a == 100",
        "b == 100",
        "c == 100",
    ]
