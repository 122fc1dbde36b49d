"""Integers that stay integers in generated code give what doubles give."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

import pytest

from rules.language.emit import values
from rules.language.emit.fields import INTEGER_MAX
from tests.support.fuzz.back_ends import BackEnds

NAMES: Final = ("a", "b", "c", "d")
EDGES: Final = (
    3, 7, 2**13 + 1, 10**6 + 3, INTEGER_MAX - 1, INTEGER_MAX, INTEGER_MAX + 1, 2**53 - 1,
)  # fmt: skip
CHAINS: Final = (
    "a * b", "a - b", "a + b + c", "a * b + c * d", "a * b * c", "a * b * c % d", "-a * b * -c",
    "a * b - c / d", "a % b * c", "(a + b) * (c - d)", "(a + b) * (c - d) * a", "max(a, b) * c * d",
    "abs(a - b) * c", "p + a", "p * p - b", "p * q % d", "a * b * c / 10000000000.0",
)  # fmt: skip
DERIVED: Final = {"p": "a * b", "q": "p * c"}
EVENTS: Final = 60
DOUBLES: Final[dict[str, Callable[..., float]]] = {"max": max, "abs": abs}


def back_ends_of(chain: str, result: float) -> BackEnds:
    """Return what judges by one rule, which is true if the chain has this result."""
    return BackEnds(
        {
            "judgify": 1,
            "id": "integers",
            "verdicts": {"ok": {}, "fail": {}},
            "input": {name: {"type": "number"} for name in NAMES},
            "derive": DERIVED,
            "rules": [{"id": "R", "when": f"{chain} == {result!r}", "verdict": "fail"}],
            "otherwise": {"verdict": "ok"},
        }
    )


def compute(chain: str, event: dict[str, int]) -> float:
    """Return the result in doubles, which is what the language promises."""
    names: dict[str, Any] = {**DOUBLES, **{name: float(value) for name, value in event.items()}}
    for name, text in DERIVED.items():
        names[name] = eval(text, names)  # noqa: S307 -- our own text, above
    return float(eval(chain, names))  # noqa: S307 -- our own text, above


def differing(seed: int) -> list[tuple[str, dict[str, int]]]:
    """Return the chains and events of which some back-end does not find the result."""
    random = Random(seed)
    found = []
    for _ in range(EVENTS):
        chain = random.choice(CHAINS)
        event = {name: random.choice((1, -1)) * random.choice(EDGES) for name in NAMES}
        result = compute(chain, event)
        answers = back_ends_of(chain, result).ask(event)
        if not answers.agree or answers.generated.rule != "R" or not answers.is_plain:
            found.append((chain, event))
    return found


def test_results_of_integers_are_those_of_doubles() -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")

    assert differing(seed) == []


def test_integers_without_bound_would_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "is_exact", lambda *_: True)

    assert differing(seed=1)
