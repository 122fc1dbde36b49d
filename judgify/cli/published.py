"""What is published: the workflow book as a command sees it, read once to its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from judgify.cli.context import CliContext
from judgify.cli.misuse import typed_by_user
from rules.workflow.book import PublishedVersion, Timeline
from rules.workflow.compiled import CompiledWorkflow
from schemas.errors import DependencyError, FatalError
from topics.clients import DEPENDENCY
from topics.registry import WORKFLOWS, full_name
from topics.workflow_feed import WorkflowFeed

READ_TIMEOUT_S: Final = 30.0
"""Longest wait until the workflow topic is read."""
POLL_S: Final = 0.05
LATEST_MS: Final = 2**62
"""After every activation: for a command @active is what was activated last, in force now or within
its delay. Our wall clock cannot tell which, and nobody who types @active means the other."""
SHORT: Final = 12
"""Hex digits of a version that people see."""
TENANT: Final = "default"


@dataclass(frozen=True, slots=True)
class Published:
    """The workflows of one tenant."""

    feed: WorkflowFeed
    tenant: str

    def timeline(self, workflow_id: str) -> Timeline:
        return self.feed.book.timeline(self.tenant, workflow_id)

    def workflow_ids(self) -> list[str]:
        return [name for owner, name in self.feed.book.workflows() if owner == self.tenant]

    def find(self, workflow_id: str, reference: str) -> PublishedVersion:
        """Return the version that `reference` means.

        Raises:
            FatalError: there is no such workflow or version, or several may be meant.
        """
        with typed_by_user():
            version = self.feed.book.resolve(self.tenant, workflow_id, reference, LATEST_MS)
        found = self.timeline(workflow_id).version(version)
        if found is None:
            raise FatalError(f"{workflow_id} {version[:SHORT]} is active, but was never published")
        return found

    def active(self, workflow_id: str) -> PublishedVersion | None:
        """Return the version activated last; None when none was, or the workflow is retired."""
        timeline = self.timeline(workflow_id)
        newest = timeline.activation_at(LATEST_MS)
        if newest is None or newest.version is None:
            return None
        return timeline.version(newest.version)

    def in_force_since(self, workflow_id: str, version: str) -> int | None:
        """Return since which broker time `version` is active; None when another one is."""
        timeline = self.timeline(workflow_id)
        newest = timeline.activation_at(LATEST_MS)
        active = newest is not None and newest.version == version
        return timeline.since_ms(LATEST_MS) if active else None

    def wait_for(self, workflow_id: str, version: str) -> PublishedVersion:
        """Return a version that was published a moment ago, as soon as it is read back.

        Raises:
            DependencyError: it was not within `READ_TIMEOUT_S`.
        """
        deadline_s = time.monotonic() + READ_TIMEOUT_S
        while (found := self.timeline(workflow_id).version(version)) is None:
            if time.monotonic() > deadline_s:
                reason = self.feed.failure or "it was not read back"
                raise DependencyError(DEPENDENCY, f"{workflow_id} {version[:SHORT]}: {reason}")
            time.sleep(POLL_S)
        return found

    def name(self, workflow_id: str, version: str | None) -> str:
        """Return `milling@14 (1041e4c96a91)`; of None: `milling retired`."""
        if version is None:
            return f"{workflow_id} retired"
        found = self.timeline(workflow_id).version(version)
        return f"{workflow_id}@{found.number if found else '?'} ({version[:SHORT]})"


@contextmanager
def open_published(
    context: CliContext, tenant: str = TENANT, *, keeps_sources: bool = False
) -> Iterator[Published]:
    """Open what is published at this moment, read to the end.

    Raises:
        DependencyError: the workflow topic cannot be read.
    """
    topic = full_name(WORKFLOWS, context.settings.topic_prefix)
    feed = WorkflowFeed(context.kafka, topic, keeps_sources=keeps_sources)
    feed.start()
    try:
        feed.reader.require_caught_up(READ_TIMEOUT_S)
        yield Published(feed, tenant)
    finally:
        feed.stop()


def load_published(
    context: CliContext, ref: str, *, workflow_id: str | None = None, tenant: str = TENANT
) -> CompiledWorkflow:
    """Return the published workflow that `ref` means: `milling@active`, `milling@14`, `@9f86d0`.

    Without a workflow in `ref` or `workflow_id` it is the only one that is published.

    Raises:
        FatalError: there is no such version, or this engine cannot compile it.
        DependencyError: the workflow topic cannot be read.
    """
    named, word = _split(ref) if workflow_id is None or "@" in ref else (None, ref)
    with open_published(context, tenant) as published:
        found = published.find(named or workflow_id or _only(published), word)
    if found.compiled is None:
        raise FatalError(f"{ref}: this engine cannot compile it: {found.problem}")
    return found.compiled


def _split(ref: str) -> tuple[str | None, str]:
    """Return workflow and version of `milling@14`, `@14` and `milling` (its active version)."""
    name, at, word = ref.rpartition("@")
    return (name or None, word) if at else (ref, "active")


def _only(published: Published) -> str:
    names = published.workflow_ids()
    if len(names) != 1:
        known = f"name one of {', '.join(names)}" if names else "none is published"
        raise FatalError(f"which workflow? {known}, like {(names or ['milling'])[0]}@active")
    return names[0]
