"""Puts rule-agent together: requests in, judgments and escalations out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents.rule import RuleAgent, Topics
from judgify.processes.details import (
    describe_switches,
    describe_workflows,
    export_workflows,
    read_skips,
)
from judgify.processes.host import ENGINE, bounds_of, limits_of
from rules.workflow.book import WorkflowBook
from runtime.clock import BrokerClock
from runtime.settings import Settings
from schemas.errors import DependencyError, FatalError
from stream.burial import Undertaker
from stream.process import Spec
from stream.seam import Seam
from stream.shapes.map import MapLane
from topics.clients import ask, open_admin
from topics.registry import (
    CONTROL,
    DEAD_LETTERS,
    ESCALATIONS,
    REQUESTS,
    RESULTS,
    WORKFLOWS,
    full_name,
)
from topics.switches import Switches
from topics.workflow_feed import WorkflowFeed

NAME: Final = "rule-agent"
CLUSTER_TIMEOUT_S: Final = 10.0
CAUGHT_UP_TIMEOUT_S: Final = 10.0


class _Needs:
    """What the agent reads besides requests: workflows, switches, the name of the cluster."""

    def __init__(self, settings: Settings, clock: BrokerClock) -> None:
        bootstrap, prefix = settings.bootstrap, settings.topic_prefix
        self.feed = WorkflowFeed(bootstrap, full_name(WORKFLOWS, prefix))
        self.switches = Switches(bootstrap, full_name(CONTROL, prefix), settings)
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
        if self.feed.reader.torn:
            raise FatalError(
                "the workflow topic was deleted and created again: what we know is not what is "
                "published any more; this process starts anew"
            )
        if self._started and self.feed.reader.ended:
            raise FatalError("the reader of workflows has ended; this process starts anew")
        return self.feed.confirmed_age_s()

    async def open(self) -> None:
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
        readers = (("workflows", self.feed), ("switches", self.switches))
        return [f"{name}: {reader.failure}" for name, reader in readers if reader.failure]

    def skips(self) -> Mapping[tuple[str, int, int], str]:
        return read_skips(self.switches)

    def details(self) -> dict[str, Any]:
        return {"workflows": self._workflows(), "switches": describe_switches(self.switches)}

    def export(self) -> None:
        export_workflows(self._workflows())

    def _workflows(self) -> list[dict[str, Any]]:
        return describe_workflows(self.feed.book, self._clock.now_ms())


def make_spec(settings: Settings, clock: BrokerClock) -> Spec:
    """Return the process as the stream runs it."""
    prefix = settings.topic_prefix
    needs = _Needs(settings, clock)
    requests, results = full_name(REQUESTS, prefix), full_name(RESULTS, prefix)
    escalations, dead_letters = full_name(ESCALATIONS, prefix), full_name(DEAD_LETTERS, prefix)
    agent = RuleAgent(
        Topics(results, escalations),
        needs,
        clock,
        ENGINE,
        settings.workflow_confirm_s,
    )

    def make_lanes(seam: Seam, undertaker: Undertaker) -> Sequence[MapLane]:
        return [MapLane(requests, agent, seam, undertaker)]

    return Spec(
        agent=NAME,
        group=settings.group(NAME),
        bootstrap_servers=settings.bootstrap,
        engine=ENGINE,
        topics_needed=(dead_letters, full_name(WORKFLOWS, prefix), full_name(CONTROL, prefix)),
        topics_equal=(requests, results, escalations),
        requests_topic=requests,
        dead_letters_topic=dead_letters,
        make_lanes=make_lanes,
        skips=needs.skips,
        open=needs.open,
        close=needs.close,
        problems=needs.problems,
        details=needs.details,
        export=needs.export,
        bounds=bounds_of(settings),
        limits=limits_of(settings),
        ack_timeout_s=settings.publish_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )


def _fetch_cluster_id(bootstrap: str) -> str:
    admin = open_admin(bootstrap)
    metadata = ask(
        bootstrap, "asking for the cluster id", lambda: admin.list_topics(timeout=CLUSTER_TIMEOUT_S)
    )
    return str(metadata.cluster_id)
