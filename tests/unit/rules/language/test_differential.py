"""Every back-end finds the same in every event: the generated bodies, the slow reference, the trace.

`RULES_FUZZ_CASES` makes the search longer, `RULES_FUZZ_SEED` repeats one; `make fuzz` does both, in
CI with 100,000 cases.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from rules.language import codegen
from rules.language.conclude import conclude
from rules.language.emit import conditions, fields, namespace, values
from rules.language.functions import FUNCTIONS
from rules.language.tree import Comparison
from tests.support.fuzz.back_ends import assert_agree
from tests.support.fuzz.campaign import (
    Campaign,
    Difference,
    chosen_cases,
    chosen_seed,
    hunt,
)

FIXED_SEED = 20_261_121
CASES = 5_000
"""Of each of the two searches; `make fuzz` and CI ask for many more."""
SHARES_FROM = 50_000
"""Cases from which on the shares below must be met: fewer may miss what is rare."""
MUTANT_CASES = 8_000
EVENTS = {
    "two-valued body": 0.25,
    "three-valued body": 0.25,
    "invalid": 0.05,
    "several verdicts": 0.15,
    "decided by a rule": 0.15,
    "decided by otherwise": 0.05,
    "decided in spite of unknown fields": 0.05,
}
"""The least share of each kind: a search that never met one would prove nothing about it."""
PARTS = (
    *FUNCTIONS, "+", "-", "*", "/", "%", "Negative", "and", "or", "Not", "Between", "IsNull",
    "not IsNull", "Membership", "not Membership", "in a list field", "look-up", "Korean",
    "derived value", "derived value used", "nested field", "range", "one_of", "required",
    "number field", "integer field", "string field", "boolean field", "list field",
    *(f"{order} of numbers" for order in ("<", "<=", ">", ">=", "==", "!=")),
    *(f"{order} of strings" for order in ("<", "<=", ">", ">=", "==", "!=")),
    *(f"{order} of booleans" for order in ("==", "!=")),
)  # fmt: skip


@pytest.mark.no_cover
@pytest.mark.timeout(300 + chosen_cases(CASES) // 100)
@pytest.mark.parametrize("fixed_seed", [FIXED_SEED, None], ids=["fixed", "fresh"])
def test_all_back_ends_find_the_same_in_every_event(fixed_seed: int | None) -> None:
    seed = chosen_seed(fixed_seed)
    print(f"RULES_FUZZ_SEED={seed}")

    campaign = hunt(seed, chosen_cases(CASES))

    print(campaign.summary())
    if campaign.cases < SHARES_FROM:
        return  # too few for shares
    shares = {kind: campaign.kinds[kind] / campaign.cases for kind in EVENTS}
    assert all(shares[kind] >= EVENTS[kind] for kind in EVENTS), shares
    walked = campaign.outcomes.total()
    assert min(campaign.outcomes[each] for each in ("true", "false", "unknown")) > 0.2 * walked
    rare = [part for part in PARTS if campaign.features[part] < 0.005 * campaign.documents]
    assert not rare
    assert campaign.beyond_limits < 0.1 * campaign.documents


def with_operator(operator: str, node: Comparison) -> Comparison:
    return dataclasses.replace(node, operator=operator)  # type: ignore[arg-type]  # a plain word


def swap_less(patch: pytest.MonkeyPatch) -> None:
    right = conditions.Conditions._comparison
    swapped = {"<": "<=", "<=": "<"}

    def wrong(self: Any, node: Comparison, question: Any) -> str:
        operator = swapped.get(node.operator, node.operator)
        return right(self, with_operator(operator, node), question)

    patch.setattr(conditions.Conditions, "_comparison", wrong)


def lose_unknown_rules(patch: pytest.MonkeyPatch) -> None:
    def wrong(program: Any, decider: Any, _: Any, unknown: Any) -> Any:
        return conclude(program, decider, (), unknown)

    patch.setattr(codegen, "conclude", wrong)


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "< for <=": swap_less,
    "no guard on divisors": lambda patch: patch.setattr(
        values.Values, "_divisor", values.Values.finite
    ),
    "min() hides what is unknown": lambda patch: patch.setitem(namespace.HELPERS, "minimum", min),
    "not asks the same question": lambda patch: patch.setattr(
        conditions, "_NEGATED", {"plain": "plain", "sure": "sure", "maybe": "maybe"}
    ),
    "no guard on overflow": lambda patch: patch.setattr(values, "may_overflow", lambda *_: False),
    "nothing is unknown": lambda patch: patch.setattr(
        conditions.Conditions, "_can_be_unknown", lambda *_: False
    ),
    "one passes for true": lambda patch: patch.setattr(
        fields, "_quick_number", lambda _, name: f"{name} >= 1.0"
    ),
    "no range": lambda patch: patch.setattr(fields, "_within", lambda *_: "True"),
    "unknown rules are lost": lose_unknown_rules,
    "texts are not normalized": lambda patch: patch.setitem(
        namespace.HELPERS, "normalize", lambda _, text: text
    ),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("break_it", MUTANTS.values(), ids=MUTANTS)
def test_a_broken_generator_is_caught(
    monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None]
) -> None:
    break_it(monkeypatch)

    with pytest.raises(Difference):
        Campaign().run(FIXED_SEED, MUTANT_CASES)


@pytest.mark.no_cover
def test_a_difference_is_told_as_a_small_regression_test(monkeypatch: pytest.MonkeyPatch) -> None:
    swap_less(monkeypatch)

    with pytest.raises(AssertionError) as caught:
        hunt(FIXED_SEED, MUTANT_CASES)

    told = str(caught.value).partition("test:\n")[2].partition("\ngenerated:")[0]
    pasted: dict[str, Any] = {"assert_agree": lambda *_: None}
    exec(told, pasted)  # noqa: S102 -- that it can be pasted is the point
    assert len(pasted["document"]["rules"]) == 1
    assert len(pasted["document"]["rules"][0]["when"]) < 60
    assert len(pasted["document"].get("input", {})) <= 2
    with pytest.raises(AssertionError, match="reference"):
        assert_agree(pasted["document"], pasted["event"])
