"""The workflow book: every version of every workflow, and which was in force when.

One thread writes, any number read without a lock: a reader sees the timeline before or after a
record, never between. The answers depend on which records were added, not on their order.
"""

from collections.abc import Mapping
from typing import Any

from rules.workflow.canonical import version_of
from rules.workflow.compiled import CompiledWorkflow, compile_workflow
from rules.workflow.problems import WorkflowErrors
from rules.workflow.timeline import (
    ActiveFrom,
    NotCompiled,
    PublishedVersion,
    Timeline,
)
from schemas.errors import MessageError
from schemas.workflow_record import DELAY_MS_MIN, Activation

__all__ = ["ActiveFrom", "NotCompiled", "PublishedVersion", "Timeline", "WorkflowBook"]

_NOTHING = Timeline()


class WorkflowBook:
    """All that `workflows.v1` has said so far."""

    def __init__(self) -> None:
        self._timelines: Mapping[tuple[str, str], Timeline] = {}

    def add_version(  # noqa: PLR0913 -- key, value and place of one record, all but the key named
        self,
        tenant: str,
        workflow_id: str,
        version: str,
        document: Mapping[str, Any],
        *,
        author: str,
        note: str,
        at_ms: int,
        offset: int,
    ) -> PublishedVersion:
        """Compile and keep a version; adding a record twice changes nothing.

        A document that does not compile is kept with its problem: if it is in force, requests
        wait for an engine that knows it.

        Raises:
            MessageError: `version_mismatch`: the document is another than its key says. Nothing
                is kept.
        """
        timeline = self.timeline(tenant, workflow_id)
        known = timeline.version(version)
        if known is not None and known.offset <= offset:
            return known
        compiled, problem = _compile(workflow_id, version, document)
        published = PublishedVersion(
            0, version, document, author, note, at_ms, offset, compiled, problem
        )
        timeline, kept = timeline.with_version(published)
        self._replace(tenant, workflow_id, timeline)
        return kept

    def add_activation(self, activation: Activation, *, at_ms: int, offset: int) -> ActiveFrom:
        """Keep an activation; it is in force from the record's broker time plus its delay.

        Its version need not have been read: until then requests of its time wait.
        """
        active = ActiveFrom(
            from_ms=at_ms + max(activation.delay_ms, DELAY_MS_MIN),
            offset=offset,
            version=activation.version,
            author=activation.author,
            note=activation.note,
            at_ms=at_ms,
        )
        tenant, workflow_id = activation.tenant, activation.workflow_id
        timeline = self.timeline(tenant, workflow_id).with_activation(active)
        self._replace(tenant, workflow_id, timeline)
        return active

    def timeline(self, tenant: str, workflow_id: str) -> Timeline:
        """Return the workflow's history as it is now; empty for an unknown workflow."""
        return self._timelines.get((tenant, workflow_id), _NOTHING)

    def in_force(self, tenant: str, workflow_id: str, at_ms: int) -> CompiledWorkflow | None:
        """Return what judges requests of this broker time; None when nothing does.

        Raises:
            NotCompiled: A version is in force that cannot judge yet.
        """
        timeline = self._timelines.get((tenant, workflow_id))
        return None if timeline is None else timeline.at(at_ms)

    def in_force_since(self, tenant: str, workflow_id: str, at_ms: int) -> int | None:
        """Return since which broker time the version in force has been so; None when none is."""
        return self.timeline(tenant, workflow_id).since_ms(at_ms)

    def resolve(self, tenant: str, workflow_id: str, reference: str, at_ms: int) -> str:
        """Return the version that a person means by `reference` (Timeline.resolve).

        Raises:
            MessageError: `workflow_not_found`, `version_not_found` or `version_ambiguous`.
        """
        timeline = self.timeline(tenant, workflow_id)
        if timeline is _NOTHING:
            names = [name for owner, name in self.workflows() if owner == tenant]
            known = f"published: {', '.join(names)}" if names else "none is published"
            raise MessageError("workflow_not_found", f"no workflow {workflow_id}; {known}")
        return timeline.resolve(reference, workflow_id, at_ms)

    def versions(self, tenant: str, workflow_id: str) -> tuple[PublishedVersion, ...]:
        """Return the versions in log order; the first has number 1."""
        return self.timeline(tenant, workflow_id).versions

    def activations(self, tenant: str, workflow_id: str) -> tuple[ActiveFrom, ...]:
        """Return the activations in the order in which they come into force."""
        return self.timeline(tenant, workflow_id).activations

    def workflows(self) -> list[tuple[str, str]]:
        """Return tenant and id of every workflow, sorted."""
        return sorted(self._timelines)

    def _replace(self, tenant: str, workflow_id: str, timeline: Timeline) -> None:
        # A new mapping: whoever iterates over the old one is not disturbed.
        self._timelines = {**self._timelines, (tenant, workflow_id): timeline}


def _compile(
    workflow_id: str, version: str, document: Mapping[str, Any]
) -> tuple[CompiledWorkflow | None, str | None]:
    """Return the workflow, or why there is none."""
    if version_of(document) != version or document.get("id") != workflow_id:
        message = f"the document is not version {version[:12]} of {workflow_id}"
        raise MessageError("version_mismatch", message)
    try:
        return compile_workflow(document), None
    except WorkflowErrors as error:
        return None, error.reason
