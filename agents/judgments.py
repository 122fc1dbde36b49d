"""Judgments and escalations as bytes: what `schemas` promises, built without a model on the way.

A property test holds every document made here to `schemas.judgment.Judgment` and
`schemas.escalation.Escalation`.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import orjson

from agents.cases import Alike, Case
from agents.tally import Tally
from agents.templates import BY_RULES, Templates, encode_constant
from rules.findings import Findings
from rules.ruling import explain_escalation
from rules.workflow.compiled import CompiledWorkflow
from runtime.clock import format_ms
from schemas.decode import ParsedRequest
from schemas.identity import make_judgment_id, prepare_judgment_ids
from schemas.request import Method
from stream.batch import Record
from topics.headers import CORRELATION_ID, copy_allowed

_CORRELATION_CHARS_MAX: Final = 128
_NO_CORRELATION: Final = b',"correlation_id":null'


class Encoder:
    """Encodes the outcomes of one batch; everything that is equal for its records is made once.

    A judgment is spliced of four parts: its ids, the template of how it was decided, the input,
    and the tail of when and where. The input is encoded only where its own bytes do not serve.
    """

    def __init__(
        self, topic: str, partition: int, now_ms: int, engine: str, templates: Templates
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.now_ms = now_ms
        self.tally = Tally(now_ms)
        self._engine = engine
        self._judged_at = format_ms(now_ms)
        self._templates = templates
        self._cases: list[Case] = []
        self._tail_of: tuple[int, bool] | None = None
        self._tail = b""

    def open_case(self, alike: Alike, workflow: CompiledWorkflow) -> Case:
        """Return the case of requests that are `alike`; `workflow` is in force at their time."""
        _, _, asked, test, timestamp_ms = alike
        tail = self._make_tail(timestamp_ms, test)
        case = Case(workflow, asked or workflow.method, timestamp_ms, tail, {}, defaultdict(int))
        self._cases.append(case)
        return case

    def encode_outcome(
        self, request: ParsedRequest, record: Record, case: Case, findings: Findings
    ) -> bytes:
        """Return the judgment of what the rules alone made of it."""
        template = case.templates.get(id(findings))
        if template is None:
            if findings.invalid is not None:
                problem = ("error", "invalid_input", findings.invalid)
                return self._encode_error(request, record, case.workflow.version, problem)
            template = self._templates.of(request.tenant, case.workflow, case.method, findings)
            case.templates[id(findings)] = template
        case.counts[template] += 1
        return _splice(request, record, template.make_id, template.constant, case.tail)

    def count(self) -> None:
        """Add the outcomes of the batch to the metrics; the broker has them all."""
        for case in self._cases:
            for template, count in case.counts.items():
                self.tally.add_outcomes(template.workflow.id, template.outcome, count)
                self.tally.times[case.timestamp_ms] += count
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
                "escalation": explain_escalation(findings, workflow.min_confidence),
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
        self.tally.times[record.timestamp] += 1
        constant = encode_constant(
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
                **BY_RULES,
            }
        )
        make_id = prepare_judgment_ids(request.tenant, request.workflow_id)
        tail = self._make_tail(record.timestamp, request.test)
        return _splice(request, record, make_id, constant, tail)

    def _make_tail(self, timestamp_ms: int, test: bool) -> bytes:  # noqa: FBT001 -- as in the request
        """Return what follows the input; records of one produced batch share the timestamp."""
        if self._tail_of != (timestamp_ms, test):
            self._tail_of = (timestamp_ms, test)
            when = {
                "test": test,
                "requested_at": format_ms(timestamp_ms),
                "judged_at": self._judged_at,
                "execution_time_ms": self.now_ms - timestamp_ms,
                "engine": self._engine,
            }
            place = {"topic": self.topic, "partition": self.partition, "timestamp": timestamp_ms}
            self._tail = b',%b,"origin":{%b,"offset":' % (
                orjson.dumps(when)[1:-1],
                orjson.dumps(place)[1:-1],
            )
        return self._tail

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


def _splice(
    request: ParsedRequest,
    record: Record,
    make_id: Callable[[str], str],
    constant: bytes,
    tail: bytes,
) -> bytes:
    _, input_data, request_id, _, _, _, correlation_id, _, input_json = request
    request_id = request_id or ""
    if correlation_id is None and record.headers:
        correlation_id = _find_correlation_id(record)
    # Both ids are made of letters that JSON leaves as they are.
    ids = f'{{"judgment_id":"{make_id(request_id)}","request_id":"{request_id}"'
    return b"".join(  # less than half the time of formatting bytes
        (
            ids.encode(),
            _NO_CORRELATION if correlation_id is None else _encode_correlation(correlation_id),
            constant,
            orjson.dumps(input_data) if input_json is None else input_json,
            tail,
            b"%d}}" % record.offset,
        )
    )


def _encode_correlation(correlation_id: str) -> bytes:
    return b',"correlation_id":%b' % orjson.dumps(correlation_id)


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
