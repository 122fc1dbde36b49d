"""What is published about workflows: documents, and which of them is in force from when."""

from typing import Any

from pydantic import Field

from schemas.model import Message, Slug, VersionId

DELAY_MS_MIN = 2_000
"""Readers treat a shorter delay as this one, so that every agent has an activation in time."""


class WorkflowVersion(Message):
    """Value under the key `version/{tenant}/{workflow_id}/{version}` of `workflows.v1`."""

    document: dict[str, Any]
    """The workflow as a JSON document; its RFC 8785 form hashes to the version."""
    author: str = Field(max_length=128)
    """Who published it."""
    note: str = Field(default="", max_length=1_024)
    """Why, in the author's words."""
    source: str | None = Field(default=None, max_length=262_144)
    """The text the author wrote (YAML, with comments), for people; never judged by."""


class Activation(Message):
    """Value under the key `activation/{tenant}/{workflow_id}/{uuid}` of `workflows.v1`."""

    tenant: Slug
    """Whose workflow."""
    workflow_id: Slug
    """Which workflow."""
    version: VersionId | None
    """In force from broker time + delay; null retires the workflow."""
    delay_ms: int = Field(default=DELAY_MS_MIN, ge=0)
    """Added to the record's broker timestamp, milliseconds; less than 2,000 counts as 2,000."""
    author: str = Field(max_length=128)
    """Who activated it."""
    note: str = Field(default="", max_length=1_024)
    """Why, in the author's words."""
