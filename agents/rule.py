"""requests.v1 → results.v1 | escalations.v1.

The rule agent: one outcome per readable request, always. Its whole path is `_Slice.decide`: parse,
find the workflow in force at the request's own time, let its rules decide, encode.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agents.judgments import Encoder
from agents.templates import Templates
from rules.ruling import is_llm_due
from rules.workflow.book import NotCompiled, WorkflowBook
from runtime.clock import BrokerClock
from schemas.decode import ParsedRequest, parse_request
from schemas.errors import DependencyError
from schemas.identity import make_request_id
from stream.batch import Batch, Output, Record


class Needs(Protocol):
    """What the agent must know besides the requests; read once per batch."""

    @property
    def book(self) -> WorkflowBook: ...
    @property
    def llm_enabled(self) -> bool:
        """Whether what the rules cannot decide may go to the LLM."""
        ...

    @property
    def cluster_id(self) -> str:
        """Makes the ids of requests that bring none unique across clusters."""
        ...

    def confirmed_age_s(self) -> float:
        """Return the seconds since the workflow topic was last read to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Topics:
    """Full names of the topics the agent writes."""

    results: str
    escalations: str


class RuleAgent:
    """Judges what rules can judge. Pure but for the book, the clock and the switch it is given."""

    def __init__(
        self, topics: Topics, needs: Needs, clock: BrokerClock, engine: str, confirm_s: float = 1.0
    ) -> None:
        """Judge only with a book read to its end within `confirm_s`.

        Older knowledge might miss an activation that is already in force.
        """
        self._topics = topics
        self._needs = needs
        self._clock = clock
        self._engine = engine
        self._confirm_s = confirm_s
        self._templates = Templates()

    def open_batch(self, batch: Batch) -> "_Slice":
        """Return what decides this batch.

        Raises:
            DependencyError: the workflow book is not known to be up to date; ask again.
        """
        age_s = self._needs.confirmed_age_s()
        if age_s > self._confirm_s:
            raise DependencyError(
                "workflows", f"the workflow topic was last read to its end {age_s:.1f} s ago"
            )
        newest_ms = batch.records[-1].timestamp if batch.records else 0
        now_ms = max(self._clock.now_ms(), newest_ms)
        encoder = Encoder(batch.topic, batch.partition, now_ms, self._engine, self._templates)
        needs = self._needs
        return _Slice(self._topics, needs.book, encoder, needs.llm_enabled, needs.cluster_id)


class _Slice(NamedTuple):
    """One batch with all that is the same for its records."""

    topics: Topics
    book: WorkflowBook
    encoder: Encoder
    llm_enabled: bool
    cluster_id: str

    def decide(self, record: Record) -> Output:
        """Return the outcome of the request in `record`.

        Raises:
            MessageError: it cannot be read as a request.
            DependencyError: the workflow in force is not compiled yet.
        """
        request = parse_request(record.value)
        if request.request_id is None:
            request = request._replace(request_id=self._make_request_id(record))
        encoder = self.encoder
        try:
            workflow = self.book.in_force(request.tenant, request.workflow_id, record.timestamp)
        except NotCompiled as error:
            raise DependencyError("workflows", str(error)) from error
        if workflow is None:
            return self._result(record, encoder.encode_unknown_workflow(request, record))
        if _is_late(request, record, encoder.now_ms):
            return self._result(record, encoder.encode_expired(request, record, workflow))
        method = request.method or workflow.method
        if method not in workflow.methods:
            return self._result(record, encoder.encode_refused_method(request, record, workflow))
        findings = workflow.find(request.input_data)
        if self.llm_enabled and is_llm_due(findings, method):
            value = encoder.encode_escalation(request, record, workflow, method, findings)
            return Output(self.topics.escalations, record.key, value, encoder.headers(record))
        value = encoder.encode_outcome(request, record, workflow, method, findings)
        return self._result(record, value)

    def finished(self) -> None:
        """Count the outcomes: the broker has them all."""
        self.encoder.count()

    def _result(self, record: Record, value: bytes) -> Output:
        return Output(self.topics.results, record.key, value, self.encoder.headers(record))

    def _make_request_id(self, record: Record) -> str:
        encoder = self.encoder
        return make_request_id(
            self.cluster_id, encoder.topic, encoder.partition, record.offset, record.timestamp
        )


def _is_late(request: ParsedRequest, record: Record, now_ms: int) -> bool:
    return request.deadline_ms is not None and now_ms > record.timestamp + request.deadline_ms
