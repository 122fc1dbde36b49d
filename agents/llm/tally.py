"""What the LLM lane counts of its judgments: each has taken a call, so they come one at a time."""

from typing import Final

from agents.llm.injection import SecurityEvent
from agents.tally import Tally
from runtime.logs import get_logger
from runtime.metrics import SECURITY_EVENTS_TOTAL
from schemas.escalation import Escalation
from schemas.judgment import Judgment

UNKNOWN: Final = "workflow_not_found"
"""The code of what names a workflow that nobody published: no name for a label."""

log = get_logger(__name__)


def count_judgment(judgment: Judgment, now_ms: int) -> None:
    """Count the outcome that is about to be published."""
    is_known = judgment.error is None or judgment.error.code != UNKNOWN
    known = judgment.workflow_id if is_known else None
    tally = Tally(now_ms, judgment.method)
    tally.add(judgment.verdict or judgment.status, known)
    tally.times[judgment.origin.timestamp] += 1
    if judgment.confidence is not None:
        tally.add_confidence(judgment.workflow_id, judgment.confidence)
    tally.count()


def count_security_event(kind: SecurityEvent, escalation: Escalation) -> None:
    """Tell an operator that somebody speaks to the model, and of which event."""
    SECURITY_EVENTS_TOTAL.labels(kind).inc()
    log.warning(
        "security_event",
        kind=kind,
        tenant=escalation.tenant,
        workflow_id=escalation.workflow_id,
        judgment_id=escalation.judgment_id,
    )
