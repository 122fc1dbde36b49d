"""Explanations in plain words."""

from collections.abc import Iterator, Sequence
from typing import Final

from rules.findings import Findings
from rules.language.atoms import ComparisonTrace, Shown
from rules.language.near_miss import Change
from rules.language.tree import Comparator

_TEXT_CHARS_MAX: Final = 80
_ITEMS_MAX: Final = 10

_DEMANDS: Final[dict[Comparator, str]] = {
    "<": "below",
    "<=": "at most",
    ">": "above",
    ">=": "at least",
    "==": "equal to",
    "!=": "other than",
}
_TRUTHS: Final = {True: "true", False: "false", None: "unknown"}


def result(findings: Findings) -> str:
    """Say what was found, in one line."""
    reason = f": {findings.reason}" if findings.reason else ""
    because = f"rule {findings.rule}" if findings.rule is not None else "no rule is true"
    if findings.verdict is None:
        return f"undetermined, possible are {', '.join(findings.possible)} ({because}{reason})"
    sure = "" if findings.conclusive else ", below min_confidence"
    return f"{findings.verdict} with confidence {findings.confidence:g}{sure} ({because}{reason})"


def value(known: Shown) -> str:
    """Spell a value; long ones are cut."""
    if known is None:
        return "unknown"
    if isinstance(known, bool):
        return _TRUTHS[known]
    if isinstance(known, tuple):
        more = ", …" if len(known) > _ITEMS_MAX else ""
        return f"[{', '.join(value(item) for item in known[:_ITEMS_MAX])}{more}]"
    if isinstance(known, str):
        return repr(known if len(known) <= _TEXT_CHARS_MAX else known[:_TEXT_CHARS_MAX] + "…")
    return f"{known:.10g}"


def comparison(trace: ComparisonTrace) -> str:
    """Say how one comparison came out, and with which values."""
    return f"{trace.text} is {_TRUTHS[trace.holds]}{_values(trace)}"


def near_miss(changes: Sequence[Change]) -> Iterator[str]:
    """Say what must change for the rule to be true."""
    for position, change in enumerate(changes):
        opening = "and" if position else "it would be true if"
        yield f"{opening} {_demand(change)}"


def _values(trace: ComparisonTrace) -> str:
    if not trace.names:
        return ""
    facts = [f"{trace.subject} is {value(trace.value)}"]
    if trace.form == "comparison" and _says_more(trace.bound, trace.text):
        facts.append(f"compared with {value(trace.bound)}")
    return f" ({', '.join(facts)})" if _says_more(trace.value, trace.text) else ""


def _says_more(known: Shown, text: str) -> bool:
    return not text.endswith(value(known)) or known is None


def _demand(change: Change) -> str:
    trace = change.comparison
    if trace.holds is None:
        return f"{trace.text} were known and {_TRUTHS[change.wanted]}"
    if change.operator is not None and trace.form == "comparison":
        demand = f"{trace.subject} were {_DEMANDS[change.operator]} {value(trace.bound)}"
        return f"{demand}{_distance(change)}"
    if trace.form == "between":
        word = "" if change.wanted else "not "
        low, high = trace.bound if isinstance(trace.bound, tuple) else (None, None)
        return (
            f"{trace.subject} were {word}between {value(low)} and {value(high)}{_distance(change)}"
        )
    return f"{trace.text} were {_TRUTHS[change.wanted]}"


def _distance(change: Change) -> str:
    now = f" (it is {value(change.comparison.value)}"
    if not change.difference or change.operator in {"==", "!="}:
        return f"{now})"
    direction = "more" if change.difference >= 0 else "less"
    return f"{now}; {value(abs(change.difference))} {direction})"
