"""requests.v1 → results.v1 | escalations.v1.

The rule agent: one outcome per readable request, always. Its whole path is `_Slice.decide`: parse,
find the workflow in force at the request's own time, let its rules decide, encode.
"""

from dataclasses import dataclass, field
from typing import Protocol

from agents.cases import Alike, Case
from agents.headers import make_headers
from agents.judgments import Encoder
from agents.templates import Templates
from rules.ruling import is_llm_due
from rules.workflow.book import NotCompiled, WorkflowBook
from runtime.clock import BrokerClock
from schemas.decode import parse_request
from schemas.errors import DependencyError
from schemas.identity import make_request_id
from stream.batch import Batch, Output, Record, make_output


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


@dataclass(slots=True)
class _Slice:
    """One batch with all that is the same for its records."""

    topics: Topics
    book: WorkflowBook
    encoder: Encoder
    llm_enabled: bool
    cluster_id: str
    cases: dict[Alike, Case] = field(default_factory=dict)

    def decide(self, record: Record) -> Output:
        """Return the outcome of the request in `record`.

        Raises:
            MessageError: it cannot be read as a request.
            DependencyError: the workflow in force is not compiled yet.
        """
        request = parse_request(record.value)
        if request.request_id is None:
            request = request._replace(request_id=self._make_request_id(record))
        workflow_id, input_data, _, tenant, method, deadline_ms, _, test, _ = request
        timestamp_ms = record.timestamp
        alike = (tenant, workflow_id, method, test, timestamp_ms)
        case = self.cases.get(alike) or self._open_case(alike)
        encoder = self.encoder
        if case is None:
            return self._result(record, encoder.encode_unknown_workflow(request, record))
        workflow, method = case.workflow, case.method
        if deadline_ms is not None and encoder.now_ms > timestamp_ms + deadline_ms:
            return self._result(record, encoder.encode_expired(request, record, workflow))
        if method not in workflow.methods:
            return self._result(record, encoder.encode_refused_method(request, record, workflow))
        findings = workflow.find(input_data)
        if self.llm_enabled and is_llm_due(findings, method):
            value = encoder.encode_escalation(request, record, workflow, method, findings)
            return Output(self.topics.escalations, record.key, value, make_headers(record))
        return self._result(record, encoder.encode_outcome(request, record, case, findings))

    def finished(self) -> None:
        """Count the outcomes: the broker has them all."""
        self.encoder.count()

    def _result(self, record: Record, value: bytes) -> Output:
        return make_output((self.topics.results, record.key, value, make_headers(record)))

    def _open_case(self, alike: Alike) -> Case | None:
        """Return the case of requests that are `alike`; None: no workflow was in force for them."""
        tenant, workflow_id, _, _, timestamp_ms = alike
        try:
            workflow = self.book.in_force(tenant, workflow_id, timestamp_ms)
        except NotCompiled as error:
            raise DependencyError("workflows", str(error)) from error
        if workflow is None:
            return None
        case = self.cases[alike] = self.encoder.open_case(alike, workflow)
        return case

    def _make_request_id(self, record: Record) -> str:
        encoder = self.encoder
        return make_request_id(
            self.cluster_id, encoder.topic, encoder.partition, record.offset, record.timestamp
        )
