"""escalations.v1 → results.v1.

The LLM agent: one judgment per escalation, always. Its whole path is `LlmAgent._judge`: what the
rules find decides what may be asked; what is answered inside its envelope counts, and whatever else
happens ends as the rules left it, with the reason.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import orjson

from agents.headers import make_headers
from agents.llm.asking import Asked, Caller
from agents.llm.injection import find_injections
from agents.llm.judgment import Case, Judge
from agents.llm.limits.amounts import limits_of
from agents.llm.question import Question, Unanswerable, make_question, parse_escalation
from agents.llm.tally import UNKNOWN, count_judgment, count_security_event
from rules.workflow.book import WorkflowBook
from rules.workflow.compiled import CompiledWorkflow
from runtime import failpoints
from runtime.clock import BrokerClock
from schemas.errors import DependencyError
from schemas.escalation import Escalation
from schemas.judgment import Judgment
from stream.batch import Output, Record
from stream.ledger import TopicPartition

SWITCHED_OFF: Final = "the LLM is switched off"
TOO_LATE: Final = "the escalation is older than an answer may take"


class Needs(Protocol):
    """What the agent must know besides the escalations."""

    @property
    def book(self) -> WorkflowBook: ...
    @property
    def llm_enabled(self) -> bool:
        """Whether the LLM may be asked, and its answers used."""
        ...

    def confirmed_age_s(self) -> float:
        """Return the seconds since the workflow topic was last read to its end."""
        ...


class Asks(Protocol):
    """What puts a question to the LLM, within every limit."""

    async def ask(self, question: Question, caller: Caller, left_s: float) -> Asked: ...


class LlmAgent:
    """Judges what the rules cannot."""

    def __init__(  # noqa: PLR0913 -- what it stands on, once per process
        self,
        results: str,
        needs: Needs,
        asker: Asks,
        clock: BrokerClock,
        *,
        engine: str,
        total_timeout_s: float,
    ) -> None:
        """Write to the topic `results`; answer within `total_timeout_s` of the escalation."""
        self._results = results
        self._needs = needs
        self._asker = asker
        self._clock = clock
        self._engine = engine
        self._total_ms = total_timeout_s * 1_000

    async def answer(self, source: TopicPartition, record: Record) -> Sequence[Output]:
        """Return the judgment of the escalation in `record`.

        Raises:
            MessageError: it is no escalation.
            DependencyError: its workflow is not known yet.
        """
        del source
        escalation = parse_escalation(record.value)
        judgment = await self._judge(escalation, record)
        value = orjson.dumps(judgment.model_dump())
        failpoints.reach("llm_judged")
        count_judgment(judgment, self._clock.now_ms())
        return [Output(self._results, record.key, value, make_headers(record))]

    async def _judge(self, escalation: Escalation, record: Record) -> Judgment:
        workflow = self._find_workflow(escalation, record)
        if workflow is None:
            message = "no such version of the workflow is published, or it does not compile"
            return self._now().refused(escalation, UNKNOWN, message)
        if self._left_ms(escalation, record) is None:
            return self._now().expired(escalation)
        question = make_question(escalation, workflow)
        if isinstance(question, Unanswerable):
            return self._leave(Case(escalation, workflow.find(escalation.input_data)), question)
        for kind in find_injections(escalation.input_data):
            count_security_event(kind, escalation)
        return await self._ask(Case(escalation, question.findings), question, workflow, record)

    async def _ask(
        self, case: Case, question: Question, workflow: CompiledWorkflow, record: Record
    ) -> Judgment:
        escalation = case.escalation
        left_ms = self._left_ms(escalation, record) or 0.0
        if not self._needs.llm_enabled:
            return self._now().unanswered(case, SWITCHED_OFF)
        if left_ms <= 0:
            return self._now().unanswered(case, TOO_LATE)
        caller = _make_caller(escalation, workflow)
        asked = await self._asker.ask(question, caller, left_ms / 1_000)
        if asked.leaked:
            count_security_event("prompt_leak", escalation)
        if self._left_ms(escalation, record) is None:
            return self._now().expired(escalation, asked.use)
        if not self._needs.llm_enabled:  # it was switched off because of what it answers
            return self._now().unanswered(case, SWITCHED_OFF, asked.use)
        if asked.answer is None or asked.use is None:
            return self._now().unanswered(case, asked.why, asked.use)
        return self._now().answered(case, asked.answer, asked.use)

    def _leave(self, case: Case, found: Unanswerable) -> Judgment:
        """Return the judgment of what no LLM may be asked about."""
        if found.obstacle == "contradicted":
            count_security_event("escalation_contradicted", case.escalation)
        if found.obstacle == "method_not_allowed":
            return self._now().refused(case.escalation, found.obstacle, found.reason)
        return self._now().unanswered(case, found.reason)

    def _find_workflow(self, escalation: Escalation, record: Record) -> CompiledWorkflow | None:
        """Return the version that judges; None if there will never be one.

        Raises:
            DependencyError: the topic of workflows has not been read as far as the escalation.
        """
        timeline = self._needs.book.timeline(escalation.tenant, escalation.workflow_id)
        version = escalation.workflow_version
        for published in timeline.versions:
            if published.version == version:
                return published.compiled
        # Whoever wrote the escalation had read the version: so can we, from its time on.
        read_ms = self._clock.now_ms() - self._needs.confirmed_age_s() * 1_000
        if read_ms <= record.timestamp:
            raise DependencyError("workflows", f"version {version[:12]} is not read yet")
        return None

    def _left_ms(self, escalation: Escalation, record: Record) -> float | None:
        """Return how long an answer may take; None: the request's own deadline has passed."""
        now_ms = self._clock.now_ms()
        # Where our clock is behind the broker's, an answer has no more time for that.
        left_ms = min(self._total_ms, record.timestamp + self._total_ms - now_ms)
        if escalation.deadline_ms is None:
            return left_ms
        ends_ms = escalation.origin.timestamp + escalation.deadline_ms
        return None if now_ms > ends_ms else min(left_ms, ends_ms - now_ms)

    def _now(self) -> Judge:
        return Judge(self._engine, self._clock.now_ms())


def _make_caller(escalation: Escalation, workflow: CompiledWorkflow) -> Caller:
    policy = workflow.llm
    limits = limits_of(policy.requests_per_minute, policy.tokens_per_minute, policy.usd_per_day)
    return Caller(escalation.tenant, escalation.workflow_id, limits)
