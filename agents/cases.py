"""Cases: what requests of one batch that are alike have in common, found once.

Producers send bursts about one workflow, and the broker gives all records of a produced batch one
time: so a batch has few cases, and most of what a judgment says is the same throughout each.
"""

from collections import defaultdict
from dataclasses import dataclass

from agents.templates import Template
from rules.workflow.compiled import CompiledWorkflow
from schemas.request import Method

Alike = tuple[str, str, Method | None, bool, int]
"""Tenant, workflow id, the method asked for, the test flag, and the broker's time in ms."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Requests of one batch that are alike."""

    workflow: CompiledWorkflow
    """In force at their time."""
    method: Method
    """The one asked for, else the workflow's own; the workflow need not allow it."""
    timestamp_ms: int
    tail: bytes
    """The end of their judgments, from the comma after the input to the key of the offset."""
    templates: dict[int, Template]
    """By the `id` of findings, which the template keeps alive."""
    counts: defaultdict[Template, int]
    """How many of their judgments were made by each template."""
