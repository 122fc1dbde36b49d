"""What the rules left becomes an outcome exactly as the table of statuses says."""

from dataclasses import replace

import pytest

from rules.findings import Findings
from rules.ruling import is_llm_due, rule_outcome
from schemas.request import Method

PROVEN = Findings(("fail",), "fail", 0.99, "HDF", "heat", (), proven=True, conclusive=True)
OTHERWISE = replace(PROVEN, possible=("ok",), verdict="ok", rule=None, reason="", proven=False)
UNSURE = replace(PROVEN, confidence=0.6, proven=False, conclusive=False)
SEVERAL = Findings(
    ("ok", "fail"), None, None, "WEAR", "worn", ("rpm",), proven=False, conclusive=False
)
INVALID = Findings(
    (), None, None, None, "", (), proven=False, conclusive=False, invalid="type is missing"
)

TABLE: list[tuple[str, Findings, Method, str, str | None, bool, bool]] = [
    # name, findings, method, status, verdict, degraded, LLM due
    ("proven", PROVEN, "rule", "decided", "fail", False, False),
    ("proven", PROVEN, "hybrid", "decided", "fail", False, False),
    ("proven", PROVEN, "llm", "decided", "fail", False, False),
    ("otherwise", OTHERWISE, "rule", "decided", "ok", False, False),
    ("otherwise", OTHERWISE, "hybrid", "decided", "ok", False, False),
    ("otherwise", OTHERWISE, "llm", "decided", "ok", True, True),
    ("unsure", UNSURE, "rule", "decided", "fail", True, False),
    ("unsure", UNSURE, "hybrid", "decided", "fail", True, True),
    ("unsure", UNSURE, "llm", "decided", "fail", True, True),
    ("several", SEVERAL, "rule", "undetermined", None, False, False),
    ("several", SEVERAL, "hybrid", "undetermined", None, True, True),
    ("several", SEVERAL, "llm", "undetermined", None, True, True),
    ("invalid", INVALID, "rule", "error", None, False, False),
    ("invalid", INVALID, "hybrid", "error", None, False, False),
    ("invalid", INVALID, "llm", "error", None, False, False),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[2]}")
def test_status_verdict_and_degraded_are_those_of_the_table(
    row: tuple[str, Findings, Method, str, str | None, bool, bool],
) -> None:
    _, findings, method, status, verdict, degraded, due = row

    outcome = rule_outcome(findings, method)

    assert (outcome.status, outcome.verdict, outcome.degraded) == (status, verdict, degraded)
    assert is_llm_due(findings, method) is due


def test_the_rest_is_as_the_rules_left_it() -> None:
    decided, several = rule_outcome(PROVEN, "rule"), rule_outcome(SEVERAL, "rule")

    assert (decided.rule, decided.confidence, decided.possible) == ("HDF", 0.99, ())
    assert (several.rule, several.confidence, several.possible) == ("WEAR", None, ("ok", "fail"))
    assert (several.reason, several.unknown) == ("worn", ("rpm",))


def test_invalid_input_names_no_rule_and_says_what_is_wrong() -> None:
    outcome = rule_outcome(INVALID, "hybrid")

    assert outcome.invalid == "type is missing"
    assert (outcome.rule, outcome.confidence, outcome.possible, outcome.unknown) == (
        None,
        None,
        (),
        (),
    )
