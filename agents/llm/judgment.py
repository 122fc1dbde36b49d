"""The judgments of the LLM lane: answered, or honestly not.

Every escalation ends as exactly one of these. What nobody answered ends as the rules left it, and
its reason says why nobody did.
"""

from dataclasses import dataclass
from typing import Any, Final

from agents.llm.answer import Answer
from rules.findings import Findings
from rules.ruling import rule_outcome
from runtime.clock import format_ms
from schemas.escalation import Escalation
from schemas.judgment import Judgment, JudgmentError, LlmUse

REASON_CHARS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Case:
    """An escalation and what the rules of its version find in it."""

    escalation: Escalation
    findings: Findings


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, and when: what all judgments of a moment have in common."""

    engine: str
    now_ms: int
    """Broker time, ms since the epoch."""

    def answered(self, case: Case, answer: Answer, use: LlmUse) -> Judgment:
        """Return the judgment that the LLM made inside its envelope."""
        escalation, findings = case.escalation, case.findings
        return self._judge(
            escalation,
            method="llm" if escalation.method == "llm" else "hybrid",
            status="decided",
            verdict=answer.verdict,
            confidence=answer.confidence,
            rule=findings.rule,
            reason="; ".join(answer.reasons)[:REASON_CHARS_MAX],
            unknown=list(findings.unknown),
            possible=_several(findings),
            llm=use,
        )

    def unanswered(self, case: Case, why: str, use: LlmUse | None = None) -> Judgment:
        """Return what the rules alone make of it; `why` nobody answered becomes its reason."""
        escalation, findings = case.escalation, case.findings
        outcome = rule_outcome(findings, escalation.method)
        if outcome.invalid is not None:
            return self.refused(escalation, "invalid_input", outcome.invalid)
        said = f"{outcome.reason}; " if outcome.reason else ""
        return self._judge(
            escalation,
            status=outcome.status,
            verdict=outcome.verdict,
            confidence=outcome.confidence,
            rule=outcome.rule,
            reason=f"{said}no LLM answered: {why}"[:REASON_CHARS_MAX],
            unknown=list(outcome.unknown),
            possible=list(outcome.possible),
            degraded=outcome.degraded,
            llm=use,
        )

    def expired(self, escalation: Escalation, use: LlmUse | None = None) -> Judgment:
        """Return the judgment of a request whose deadline has passed."""
        late_ms = self.now_ms - escalation.origin.timestamp - (escalation.deadline_ms or 0)
        message = f"its deadline of {escalation.deadline_ms} ms had passed {late_ms} ms before"
        error = JudgmentError(code="deadline_exceeded", message=message)
        return self._judge(escalation, status="expired", error=error, llm=use)

    def refused(self, escalation: Escalation, code: str, message: str) -> Judgment:
        """Return the judgment of an escalation that cannot be judged at all."""
        error = JudgmentError(code=code, message=message)
        return self._judge(escalation, status="error", error=error)

    def _judge(self, escalation: Escalation, **decided: Any) -> Judgment:
        started_ms = escalation.origin.timestamp
        return Judgment(
            **{
                **_UNDECIDED,
                **{name: getattr(escalation, name) for name in _AS_ESCALATED},
                "judged_at": format_ms(self.now_ms),
                "execution_time_ms": float(max(0, self.now_ms - started_ms)),
                "engine": self.engine,
                **decided,
            }
        )


_AS_ESCALATED: Final = (
    "judgment_id",
    "request_id",
    "tenant",
    "correlation_id",
    "submitted_by",
    "workflow_id",
    "workflow_version",
    "input_data",
    "escalation",
    "test",
    "requested_at",
    "origin",
)
_UNDECIDED: Final[dict[str, Any]] = {
    "method": "rule",
    "verdict": None,
    "confidence": None,
    "rule": None,
    "reason": "",
    "unknown": [],
    "possible": [],
    "degraded": False,
    "llm": None,
    "error": None,
}


def _several(findings: Findings) -> list[str]:
    return list(findings.possible) if findings.verdict is None else []
