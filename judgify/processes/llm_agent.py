"""Puts llm-agent together: escalations in, judgments out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from agents.llm.agent import LlmAgent
from judgify.processes.host import ENGINE, bounds_of, limits_of
from judgify.processes.knowledge import Knowledge
from judgify.processes.llm_lane import LlmLane, NoLlm
from runtime.clock import BrokerClock, SystemClock
from runtime.settings import Settings
from schemas.errors import FatalError
from stream.burial import Undertaker
from stream.process import Spec
from stream.seam import Seam
from stream.shapes.concurrent import ConcurrentLane, Pace
from stream.watchdog import Limits
from topics.registry import DEAD_LETTERS, ESCALATIONS, REQUESTS, RESULTS, full_name

NAME: Final = "llm-agent"
REVOKE_PATIENCE_S: Final = 2.0
"""When partitions go, an answer under way is waited for so long; whoever gets them asks again."""

WORK_MARGIN_S: Final = 30.0
NO_KEY: Final = (
    "OPENAI_API_KEY is not set while ENV=production: set it (any word where none is asked for), or "
    "ENABLE_LLM_ENGINE=false for all processes: a stand-in may not judge here"
)


@dataclass(frozen=True, slots=True)
class _Around:
    """What lives as long as the process: what it knows, and what stands around the LLM."""

    knowledge: Knowledge
    lane: LlmLane | NoLlm

    async def open(self) -> None:
        await self.knowledge.open()
        await self.lane.open()

    async def close(self) -> None:
        await self.lane.close()
        await self.knowledge.close()

    def details(self) -> dict[str, Any]:
        return self.knowledge.details() | {"llm": self.lane.details()}

    def export(self) -> None:
        self.knowledge.export()
        self.lane.export()


def make_spec(settings: Settings, clock: BrokerClock) -> Spec:
    """Return the process as the stream runs it.

    Raises:
        FatalError: nobody said which model to ask, or, in production, with which key.
    """
    prefix = settings.topic_prefix
    requests, results = full_name(REQUESTS, prefix), full_name(RESULTS, prefix)
    escalations, dead_letters = full_name(ESCALATIONS, prefix), full_name(DEAD_LETTERS, prefix)
    knowledge = Knowledge(settings, clock)
    lane = _make_lane(settings, clock, knowledge, (escalations, results))
    around = _Around(knowledge, lane)
    agent = LlmAgent(
        results,
        knowledge,
        lane,
        clock,
        engine=ENGINE,
        total_timeout_s=settings.llm_total_timeout_s,
    )
    pace = Pace(settings.llm_concurrency, REVOKE_PATIENCE_S)

    def make_lanes(seam: Seam, undertaker: Undertaker) -> Sequence[ConcurrentLane]:
        lane.watch(seam.ledger)
        return [ConcurrentLane(escalations, agent, seam, undertaker, pace)]

    return Spec(
        agent=NAME,
        group=settings.group(NAME),
        bootstrap_servers=settings.bootstrap,
        engine=ENGINE,
        topics_needed=(dead_letters, *knowledge.topics),
        topics_equal=(escalations, results),
        requests_topic=requests,
        dead_letters_topic=dead_letters,
        make_lanes=make_lanes,
        skips=knowledge.skips,
        open=around.open,
        close=around.close,
        problems=knowledge.problems,
        details=around.details,
        export=around.export,
        bounds=replace(bounds_of(settings), few={escalations: pace.records_max}),
        limits=replace(limits_of(settings), work_s=_longest_work_s(settings)),
        ack_timeout_s=settings.publish_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )


def _make_lane(
    settings: Settings, clock: BrokerClock, knowledge: Knowledge, topics: tuple[str, str]
) -> LlmLane | NoLlm:
    if not settings.enable_llm_engine:
        return NoLlm()
    if settings.env == "production" and settings.openai_api_key is None:
        raise FatalError(NO_KEY)
    return LlmLane(settings, (SystemClock(), clock), knowledge.switches, topics)


def _longest_work_s(settings: Settings) -> float:
    """Return after how long an answer under way is a standstill."""
    return max(Limits().work_s, settings.llm_total_timeout_s + WORK_MARGIN_S)
