"""An escalation: a request that the rules could not decide, on its way to the LLM."""

from typing import Any

from pydantic import Field

from schemas.model import Confidence, Message, RequestId, Slug, Timestamp, VersionId
from schemas.origin import Origin
from schemas.request import Method


class Escalation(Message):
    """Value of a record on `escalations.v1`, same key and partition number as its request."""

    judgment_id: str
    """UUID of the judgment that is due."""
    request_id: RequestId
    """As in the request, or made from its origin."""
    tenant: Slug
    """As in the request."""
    correlation_id: str | None
    """As in the request."""
    submitted_by: str | None
    """As in the judgment."""
    workflow_id: Slug
    """As in the request."""
    workflow_version: VersionId
    """The version in force at the request's broker time."""
    method: Method
    """The effective method: hybrid or llm."""
    input_data: dict[str, Any]
    """The event."""
    possible: list[str]
    """The verdicts that the rules left possible; never empty."""
    verdict: str | None
    """The only possible verdict, where there was one."""
    confidence: Confidence | None
    """The rules' confidence in it."""
    rule: str | None
    """The rule that held, or null."""
    reason: str
    """What the rules found."""
    unknown: list[str]
    """Fields that the rules read and could not use, in declared order."""
    escalation: str
    """Why the rules could not decide."""
    deadline_ms: int | None = Field(default=None, ge=1)
    """As in the request."""
    test: bool
    """As in the request."""
    requested_at: Timestamp
    """The broker's time of the request, UTC."""
    origin: Origin
    """Where the request stands in the log."""
    engine: str
    """The version of Judgify that escalated."""
