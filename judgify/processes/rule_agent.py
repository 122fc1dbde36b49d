"""Puts rule-agent together: requests in, judgments and escalations out."""

from collections.abc import Sequence
from typing import Final

from agents.rule import RuleAgent, Topics
from judgify.processes.host import ENGINE, bounds_of, limits_of
from judgify.processes.knowledge import Knowledge
from runtime.clock import BrokerClock
from runtime.settings import Settings
from stream.burial import Undertaker
from stream.process import Spec
from stream.seam import Seam
from stream.shapes.map import MapLane
from topics.registry import DEAD_LETTERS, ESCALATIONS, REQUESTS, RESULTS, full_name

NAME: Final = "rule-agent"


def make_spec(settings: Settings, clock: BrokerClock) -> Spec:
    """Return the process as the stream runs it."""
    prefix = settings.topic_prefix
    knowledge = Knowledge(settings, clock)
    requests, results = full_name(REQUESTS, prefix), full_name(RESULTS, prefix)
    escalations, dead_letters = full_name(ESCALATIONS, prefix), full_name(DEAD_LETTERS, prefix)
    agent = RuleAgent(
        Topics(results, escalations),
        knowledge,
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
        topics_needed=(dead_letters, *knowledge.topics),
        topics_equal=(requests, results, escalations),
        requests_topic=requests,
        dead_letters_topic=dead_letters,
        make_lanes=make_lanes,
        skips=knowledge.skips,
        open=knowledge.open,
        close=knowledge.close,
        problems=knowledge.problems,
        details=knowledge.details,
        export=knowledge.export,
        bounds=bounds_of(settings),
        limits=limits_of(settings),
        ack_timeout_s=settings.publish_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
