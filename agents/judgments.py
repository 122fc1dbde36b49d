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


class _Template:
    """The part of a judgment that is equal for all that a batch decides in the same way."""

    __slots__ = ("constant", "count", "workflow_id")

    def __init__(self, workflow_id: str, constant: bytes) -> None:
        self.workflow_id = workflow_id
        self.constant = constant
        """Members of the JSON object, commas around them."""
        self.count = 0


class Encoder:
    """Encodes the outcomes of one batch; everything that is equal for its records is made once.

    A judgment is spliced of three parts: its ids, the template of how it was decided, and the tail
    of when and where. Only the input is encoded for each record.
    """

    def __init__(self, topic: str, partition: int, now_ms: int, engine: str) -> None:
        self.topic = topic
        self.partition = partition
        self.now_ms = now_ms
        self.tally = Tally(now_ms)
        self._engine = engine
        self._judged_at = format_ms(now_ms)
        self._templates: dict[tuple[str, int, Outcome], _Template] = {}
        self._tail_of: tuple[int, bool] | None = None
        self._tail = b""
        self._end = b""

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
        # The workflow is alive as long as its batch, so its id names it.
        key = (request.tenant, id(workflow), outcome)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = _make_template(request.tenant, workflow, outcome)
        template.count += 1
        self.tally.add_time(record.timestamp)
        return self._splice(request, record, template.constant)

    def count(self) -> None:
        """Add the outcomes of the batch to the metrics; the broker has them all."""
        for (_, _, outcome), template in self._templates.items():
            self.tally.add_outcomes(template.workflow_id, outcome, template.count)
        self.tally.count()

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
                "requested_at": format_ms(record.timestamp),
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
        self.tally.add(status, known)
        self.tally.add_time(record.timestamp)
        return self._splice(
            request,
            record,
            _join(
                {
                    "tenant": request.tenant,
                    "workflow_id": request.workflow_id,
                    "workflow_version": version,
                    "status": status,
                    "verdict": None,
                    "confidence": None,
                    "rule": None,
                    "reason": "",
                    "unknown": (),
                    "possible": (),
                    "degraded": False,
                    "error": {"code": code, "message": message},
                    **_BY_RULES,
                }
            ),
        )

    def _splice(self, request: ParsedRequest, record: Record, constant: bytes) -> bytes:
        workflow_id, input_data, request_id, tenant, _, _, correlation_id, test = request
        request_id = request_id or ""
        timestamp_ms = record.timestamp
        if correlation_id is None and record.headers:
            correlation_id = _find_correlation_id(record)
        if self._tail_of != (timestamp_ms, test):
            self._make_tail(timestamp_ms, test)
        # Both ids are made of letters that JSON leaves as they are.
        return (
            b'{"judgment_id":"%b","request_id":"%b","correlation_id":%b%b"input_data":%b%b%d%b'
            % (
                make_judgment_id(tenant, workflow_id, request_id).encode(),
                request_id.encode(),
                b"null" if correlation_id is None else orjson.dumps(correlation_id),
                constant,
                orjson.dumps(input_data),
                self._tail,
                record.offset,
                self._end,
            )
        )

    def _make_tail(self, timestamp_ms: int, test: bool) -> None:  # noqa: FBT001 -- as in the request
        """Prepare what follows the input; records of one produced batch share the timestamp."""
        self._tail_of = (timestamp_ms, test)
        when = {
            "test": test,
            "requested_at": format_ms(timestamp_ms),
            "judged_at": self._judged_at,
            "execution_time_ms": self.now_ms - timestamp_ms,
            "engine": self._engine,
        }
        place = {"topic": self.topic, "partition": self.partition, "timestamp": timestamp_ms}
        self._tail = b'%b"origin":{%b"offset":' % (_join(when), _join(place)[1:])
        self._end = b"}}"

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


_BY_RULES: Final = {"method": "rule", "submitted_by": None, "escalation": None, "llm": None}
"""What every judgment of this agent has in common."""


def _make_template(tenant: str, workflow: CompiledWorkflow, outcome: Outcome) -> _Template:
    return _Template(
        workflow.id,
        _join(
            {
                "tenant": tenant,
                "workflow_id": workflow.id,
                "workflow_version": workflow.version,
                "status": outcome.status,
                "verdict": outcome.verdict,
                "confidence": outcome.confidence,
                "rule": outcome.rule,
                "reason": outcome.reason,
                "unknown": outcome.unknown,
                "possible": outcome.possible,
                "degraded": outcome.degraded,
                "error": None,
                **_BY_RULES,
            }
        ),
    )


def _join(members: dict[str, Any]) -> bytes:
    """Return the members of a JSON object with a comma on either side."""
    return b",%b," % orjson.dumps(members)[1:-1]


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
