"""A judgment: the outcome of a request, whatever it was."""

from typing import Any, Literal

from pydantic import Field

from schemas.model import Confidence, Message, RequestId, Slug, Timestamp, VersionId
from schemas.origin import Origin
from schemas.request import Method

Status = Literal["decided", "undetermined", "expired", "error"]


class LlmUse(Message):
    """What an LLM was asked, answered and cost."""

    model: str
    """Model that answered."""
    prompt_version: str
    """Version of the prompt's template."""
    prompt_sha256: str
    """Hash of the prompt as it was sent, 64 hex."""
    tokens_in: int = Field(ge=0)
    """Tokens of the prompt."""
    tokens_out: int = Field(ge=0)
    """Tokens of the answer."""
    cost_usd: float = Field(ge=0)
    """Price of the call, US dollars."""
    latency_ms: float = Field(ge=0)
    """From sending to the whole answer, milliseconds."""
    cached: bool
    """True: the same question had been answered before, no call was made."""
    reply: str | None
    """The answer as it came."""


class JudgmentError(Message):
    """Why a readable request could not be judged."""

    code: str
    """One of workflow_not_found, invalid_input, method_not_allowed, deadline_exceeded."""
    message: str
    """What is wrong, where, and what to do."""


class Judgment(Message):
    """Value of a record on `results.v1`, same key and partition number as its request.

    A request may yield several records (redelivery, a repeated id); subscribers keep the first
    per judgment_id of a partition.
    """

    judgment_id: str
    """UUID made from tenant, workflow_id and request_id (schemas.identity)."""
    request_id: RequestId
    """The request's own, or made from its origin."""
    tenant: Slug
    """As in the request."""
    correlation_id: str | None
    """As in the request."""
    submitted_by: str | None
    """As in the request, where ingest's signature vouches for it, else null."""
    workflow_id: Slug
    """As in the request."""
    workflow_version: VersionId | None
    """The version in force at the request's broker time; null when there was none."""
    method: Method
    """How it was decided."""
    status: Status
    """decided, or why there is no verdict."""
    verdict: str | None
    """One of the workflow's verdicts; null unless decided."""
    confidence: Confidence | None
    """0 to 1: the lowest that contributed; null unless decided."""
    rule: str | None
    """The rule that held; null when none did (`otherwise`)."""
    reason: str
    """In the author's words, or in ours when no rule spoke."""
    input_data: dict[str, Any]
    """The event as it was judged."""
    unknown: list[str]
    """Fields that the rules read and could not use, in declared order."""
    possible: list[str]
    """The verdicts that were possible, when there were several; else empty."""
    escalation: str | None
    """Why it went to the LLM, or null."""
    degraded: bool
    """True: nobody answered who could have been surer: the LLM was due, or a single verdict is less
    sure than the workflow wants."""
    llm: LlmUse | None
    """The LLM's part, or null."""
    error: JudgmentError | None
    """Set when status is error or expired."""
    test: bool
    """As in the request."""
    requested_at: Timestamp
    """The broker's time of the request, UTC."""
    judged_at: Timestamp
    """Broker time when it was judged, UTC."""
    execution_time_ms: float = Field(ge=0)
    """From requested_at to judged_at, milliseconds."""
    origin: Origin
    """Where the request stands in the log."""
    engine: str
    """The version of Judgify that judged."""
