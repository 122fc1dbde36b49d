"""What an agent knows besides its records: workflows, switches, the name of the cluster."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from judgify.processes.details import (
    describe_switches,
    describe_workflows,
    export_workflows,
    read_skips,
)
from rules.workflow.book import WorkflowBook
from runtime.clock import BrokerClock
from runtime.settings import Settings
from schemas.errors import DependencyError, FatalError
from topics.clients import ask, open_admin
from topics.registry import CONTROL, WORKFLOWS, full_name
from topics.switches import Switches
from topics.workflow_feed import WorkflowFeed

CLUSTER_TIMEOUT_S: Final = 10.0
CAUGHT_UP_TIMEOUT_S: Final = 10.0


class Knowledge:
    """The workflow book and the switches, read to their end before work begins."""

    def __init__(self, settings: Settings, clock: BrokerClock) -> None:
        bootstrap, prefix = settings.bootstrap, settings.topic_prefix
        self.topics = (full_name(WORKFLOWS, prefix), full_name(CONTROL, prefix))
        """What is read; a process that needs them says so at its start."""
        workflows, control = self.topics
        self.feed = WorkflowFeed(bootstrap, workflows)
        self.switches = Switches(bootstrap, control, settings)
        self.cluster_id = ""
        self._bootstrap = bootstrap
        self._clock = clock
        self._started = False

    @property
    def book(self) -> WorkflowBook:
        return self.feed.book

    @property
    def llm_enabled(self) -> bool:
        return self.switches.llm_enabled

    def confirmed_age_s(self) -> float:
        """Return the seconds since the workflow topic was last read to its end.

        Raises:
            FatalError: it will not be read any more.
        """
        if self.feed.reader.torn:
            raise FatalError(
                "the workflow topic was deleted and created again: what we know is not what is "
                "published any more; this process starts anew"
            )
        if self._started and self.feed.reader.ended:
            raise FatalError("the reader of workflows has ended; this process starts anew")
        return self.feed.confirmed_age_s()

    async def open(self) -> None:
        """Read everything to its end.

        Raises:
            DependencyError: the broker does not let us; call again.
        """
        if not self._started:
            self.feed.start()
            self.switches.start()
            self._started = True
        self.cluster_id = await asyncio.to_thread(_fetch_cluster_id, self._bootstrap)
        for reader in (self.feed, self.switches):
            if not await asyncio.to_thread(reader.wait_caught_up, CAUGHT_UP_TIMEOUT_S):
                raise DependencyError("workflows", "workflows and switches are not read to the end")

    async def close(self) -> None:
        if self._started:
            await asyncio.gather(
                asyncio.to_thread(self.feed.stop), asyncio.to_thread(self.switches.stop)
            )

    def problems(self) -> list[str]:
        """Return why the process is not ready."""
        readers = (("workflows", self.feed), ("switches", self.switches))
        return [f"{name}: {reader.failure}" for name, reader in readers if reader.failure]

    def skips(self) -> Mapping[tuple[str, int, int], str]:
        return read_skips(self.switches)

    def details(self) -> dict[str, Any]:
        """Return what `/status` tells of it."""
        return {"workflows": self._workflows(), "switches": describe_switches(self.switches)}

    def export(self) -> None:
        """Set the gauges of it."""
        export_workflows(self._workflows())

    def _workflows(self) -> list[dict[str, Any]]:
        return describe_workflows(self.feed.book, self._clock.now_ms())


def _fetch_cluster_id(bootstrap: str) -> str:
    admin = open_admin(bootstrap)
    metadata = ask(
        bootstrap, "asking for the cluster id", lambda: admin.list_topics(timeout=CLUSTER_TIMEOUT_S)
    )
    return str(metadata.cluster_id)
