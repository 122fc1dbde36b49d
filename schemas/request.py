"""A request: one event that somebody wants judged by one workflow."""

from typing import Any, Literal

from pydantic import Field

from schemas.model import Message, RequestId, Slug

Method = Literal["rule", "hybrid", "llm"]


class Request(Message):
    """Value of a record on `requests.v1`. Its broker timestamp is its `requested_at`."""

    workflow_id: Slug
    """The workflow that judges."""
    input_data: dict[str, Any]
    """The event, as the producer names its fields."""
    request_id: RequestId | None = None
    """Identity within tenant and workflow; made from the record's origin when absent."""
    tenant: Slug = "default"
    """Whose request this is."""
    method: Method | None = None
    """The method asked for; the workflow must allow it. Null: the workflow's own."""
    deadline_ms: int | None = Field(default=None, ge=1)
    """Milliseconds from `requested_at` after which a verdict is of no use. Null: none."""
    correlation_id: str | None = Field(default=None, min_length=1, max_length=128)
    """Carried unchanged through judgment, actions, rows and logs."""
    submitted_by: str | None = Field(default=None, max_length=128)
    """Who sent it; set by ingest and believed only with its signature, never from a client."""
    test: bool = False
    """True: judged and stored as any other, its actions are planned and not performed."""
