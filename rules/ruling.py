"""From findings to the outcome that a judgment records when no LLM answers."""

from typing import Literal, NamedTuple

from rules.findings import Findings
from schemas.request import Method


class Outcome(NamedTuple):
    """What the rules alone make of a request, in the words of a judgment.

    Attributes:
        status: decided, undetermined or error.
        verdict: None unless decided.
        confidence: The lowest that contributed; None unless decided.
        rule: The TRUE rule; None when none was (`otherwise`), and for an error.
        reason: The author's words; may be empty.
        degraded: The LLM was due, or the verdict is less sure than the workflow wants.
        possible: The verdicts that are left when there are several; else empty.
        unknown: The fields that the rules read and could not use.
        invalid: What is wrong with the input; None unless status is error (`invalid_input`).
    """

    status: Literal["decided", "undetermined", "error"]
    verdict: str | None
    confidence: float | None
    rule: str | None
    reason: str
    degraded: bool
    possible: tuple[str, ...]
    unknown: tuple[str, ...]
    invalid: str | None


def is_llm_due(findings: Findings, method: Method) -> bool:
    """Say whether an LLM should be asked: the rules did not settle it, and the method allows it.

    With method llm only a proven verdict stands without being asked about.
    """
    if method == "rule" or findings.invalid is not None:
        return False
    return not (findings.proven if method == "llm" else findings.conclusive)


def explain_escalation(findings: Findings, min_confidence: float) -> str:
    """Say why an LLM is due; `min_confidence` is the workflow's."""
    if findings.verdict is None:
        return f"several verdicts are possible: {', '.join(findings.possible)}"
    if not findings.conclusive:
        return f"confidence {findings.confidence} is below {min_confidence}"
    return f"{findings.verdict} is not proven by a rule"


def rule_outcome(findings: Findings, method: Method) -> Outcome:
    """Return the outcome if no LLM is asked, or none answers.

    Equal for equal findings: whoever holds on to the findings of a rule may hold on to this.
    """
    if findings.invalid is not None:
        return _REFUSED._replace(invalid=findings.invalid)
    due = is_llm_due(findings, method)
    verdict = findings.verdict
    # Positional: this runs for every request, and keywords would double its time.
    return Outcome(
        "undetermined" if verdict is None else "decided",
        verdict,
        findings.confidence,
        findings.rule,
        findings.reason,
        due or (verdict is not None and not findings.conclusive),
        findings.possible if verdict is None else (),
        findings.unknown,
        None,
    )


_REFUSED = Outcome(
    status="error",
    verdict=None,
    confidence=None,
    rule=None,
    reason="",
    degraded=False,
    possible=(),
    unknown=(),
    invalid=None,
)
