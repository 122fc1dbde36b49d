"""Judgments and escalations as bytes: what `schemas` promises, built without a model on the way.

A property test holds every document made here to `schemas.judgment.Judgment` and
`schemas.escalation.Escalation`.
"""

from typing import Any, Final

import orjson

from agents.tally import Tally
from rules.findings import Findings
from rules.ruling import Outcome
from rules.workflow.compiled import CompiledWorkflow
from runtime.clock import format_ms
from schemas.decode import ParsedRequest
from schemas.identity import make_judgment_id
from schemas.request import Method
from stream.batch import Headers, Record
from topics.headers import CONTENT_TYPE, CORRELATION_ID, TRACEPARENT, copy_allowed

_HEADERS: Final[Headers] = (CONTENT_TYPE,)
_CORRELATION_CHARS_MAX: Final = 128


class Encoder:
    """Encodes the outcomes of one batch; everything that is equal for its records is made once."""

    def __init__(self, topic: str, partition: int, now_ms: int, engine: str) -> None:
        self.topic = topic
        self.partition = partition
        self.now_ms = now_ms
        self.tally = Tally(now_ms)
        self._engine = engine
        self._judged_at = format_ms(now_ms)
        self._requested_ms = -1
        self._requested_at = ""

    def headers(self, record: Record) -> Headers:
        """Return ours and the trace context of the request, if it brings one."""
        if not record.headers:
            return _HEADERS
        copied = (pair for pair in copy_allowed(record.headers) if pair[0] == TRACEPARENT)
        return (CONTENT_TYPE, *copied)

    def encode_outcome(
        self, request: ParsedRequest, record: Record, workflow: CompiledWorkflow, outcome: Outcome
    ) -> bytes:
        """Return the judgment of what the rules alone made of it."""
        if outcome.invalid is not None:
            return self._encode_error(
                request, record, workflow.version, ("error", "invalid_input", outcome.invalid)
            )
        self.tally.add("rule", outcome.verdict or outcome.status, workflow.id, record.timestamp)
        self.tally.add_confidence(workflow.id, outcome.confidence)
        return self._encode(
            request,
            record,
            {
                "workflow_version": workflow.version,
                "method": "rule",
                "status": outcome.status,
                "verdict": outcome.verdict,
                "confidence": outcome.confidence,
                "rule": outcome.rule,
                "reason": outcome.reason,
                "unknown": outcome.unknown,
                "possible": outcome.possible,
                "escalation": None,
                "degraded": outcome.degraded,
                "llm": None,
                "error": None,
            },
        )

    def encode_unknown_workflow(self, request: ParsedRequest, record: Record) -> bytes:
        """Return the judgment of a request whose workflow was not in force at its time."""
        message = (
            f"no workflow {request.workflow_id} of tenant {request.tenant} was in force when the "
            "request arrived; publish and activate it, then send the request again"
        )
        return self._encode_error(request, record, None, ("error", "workflow_not_found", message))

    def encode_expired(
        self, request: ParsedRequest, record: Record, workflow: CompiledWorkflow
    ) -> bytes:
        """Return the judgment of a request that came to us after its deadline."""
        late_ms = self.now_ms - record.timestamp - (request.deadline_ms or 0)
        message = f"its deadline of {request.deadline_ms} ms had passed {late_ms} ms before"
        problem = ("expired", "deadline_exceeded", message)
        return self._encode_error(request, record, workflow.version, problem)

    def encode_refused_method(
        self, request: ParsedRequest, record: Record, workflow: CompiledWorkflow
    ) -> bytes:
        """Return the judgment of a request that asks for a method its workflow does not allow."""
        allowed = ", ".join(workflow.methods)
        message = f"method {request.method} is not allowed; {workflow.id} allows {allowed}"
        problem = ("error", "method_not_allowed", message)
        return self._encode_error(request, record, workflow.version, problem)

    def encode_escalation(
        self,
        request: ParsedRequest,
        record: Record,
        workflow: CompiledWorkflow,
        method: Method,
        findings: Findings,
    ) -> bytes:
        """Return the question for the LLM."""
        return orjson.dumps(
            {
                **self._identity(request, record),
                "workflow_version": workflow.version,
                "method": method,
                "input_data": request.input_data,
                "possible": findings.possible,
                "verdict": findings.verdict,
                "confidence": findings.confidence,
                "rule": findings.rule,
                "reason": findings.reason,
                "unknown": findings.unknown,
                "escalation": _explain_escalation(findings, workflow),
                "deadline_ms": request.deadline_ms,
                "test": request.test,
                "requested_at": self._format_requested(record.timestamp),
                "origin": self._origin(record),
                "engine": self._engine,
            }
        )

    # ---------------------------------------------------------------------

    def _encode_error(
        self,
        request: ParsedRequest,
        record: Record,
        version: str | None,
        problem: tuple[str, str, str],
    ) -> bytes:
        status, code, message = problem
        known = request.workflow_id if version else None
        self.tally.add("rule", status, known, record.timestamp)
        return self._encode(
            request,
            record,
            {
                "workflow_version": version,
                "method": "rule",
                "status": status,
                "verdict": None,
                "confidence": None,
                "rule": None,
                "reason": "",
                "unknown": (),
                "possible": (),
                "escalation": None,
                "degraded": False,
                "llm": None,
                "error": {"code": code, "message": message},
            },
        )

    def _encode(self, request: ParsedRequest, record: Record, found: dict[str, Any]) -> bytes:
        return orjson.dumps(
            {
                **self._identity(request, record),
                **found,
                "input_data": request.input_data,
                "test": request.test,
                "requested_at": self._format_requested(record.timestamp),
                "judged_at": self._judged_at,
                "execution_time_ms": self.now_ms - record.timestamp,
                "origin": self._origin(record),
                "engine": self._engine,
            }
        )

    def _identity(self, request: ParsedRequest, record: Record) -> dict[str, Any]:
        request_id = request.request_id or ""
        return {
            "judgment_id": make_judgment_id(request.tenant, request.workflow_id, request_id),
            "request_id": request_id,
            "tenant": request.tenant,
            "correlation_id": request.correlation_id or _find_correlation_id(record),
            "submitted_by": None,
            "workflow_id": request.workflow_id,
        }

    def _origin(self, record: Record) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
        }

    def _format_requested(self, timestamp_ms: int) -> str:
        # Records of one produced batch share the broker's timestamp.
        if timestamp_ms != self._requested_ms:
            self._requested_ms = timestamp_ms
            self._requested_at = format_ms(timestamp_ms)
        return self._requested_at


def _find_correlation_id(record: Record) -> str | None:
    """Return the id that a header brings, if it is text that may be stored and shown."""
    if not record.headers:
        return None
    for name, value in copy_allowed(record.headers):
        if name == CORRELATION_ID:
            text = value.decode("utf-8", "ignore")
            if (
                text.encode() == value
                and 0 < len(text) <= _CORRELATION_CHARS_MAX
                and text.isprintable()
            ):
                return text
    return None


def _explain_escalation(findings: Findings, workflow: CompiledWorkflow) -> str:
    if findings.verdict is None:
        return f"several verdicts are possible: {', '.join(findings.possible)}"
    if not findings.conclusive:
        return f"confidence {findings.confidence} is below {workflow.min_confidence}"
    return f"{findings.verdict} is not proven by a rule"
