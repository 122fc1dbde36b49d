"""Starting llm-agent: what it must know, and that nobody else must know it."""

import asyncio
from pathlib import Path

import pytest

from agents.llm.agent import SWITCHED_OFF
from agents.llm.asking import Caller
from agents.llm.limits.amounts import Limits
from judgify.processes import llm_agent, llm_lane, postgres_sink, rule_agent
from judgify.processes.llm_lane import LlmLane, NoLlm
from runtime.clock import BrokerClock, SystemClock
from runtime.settings import Settings, load_settings
from schemas.errors import FatalError
from stream.process import Spec
from tests.support.escalations import ask
from topics.switches import Switches

SERVICES = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "DATABASE_URL": "postgresql://u:secret@127.0.0.1/x",
    "REDIS_ENABLED": "false",
    "ENABLE_LLM_ENGINE": "true",
}
PRODUCTION = SERVICES | {"ENV": "production"}
MODEL = {"OPENAI_MODEL": "m-1"}
KEY = {"OPENAI_API_KEY": "k"}
OFF = {"ENABLE_LLM_ENGINE": "false"}
BROKER_CLOCK = BrokerClock(SystemClock())


def load(environment: dict[str, str]) -> Settings:
    return load_settings(environment=environment, dotenv=Path("/nonexistent/.env"))


def make(environment: dict[str, str]) -> Spec:
    return llm_agent.make_spec(load(environment), BROKER_CLOCK)


def test_production_without_a_key_refuses_llm_agent_and_nobody_else() -> None:
    settings = load(PRODUCTION | MODEL)

    with pytest.raises(FatalError, match="OPENAI_API_KEY is not set while ENV=production"):
        llm_agent.make_spec(settings, BROKER_CLOCK)
    assert rule_agent.make_spec(settings, BROKER_CLOCK).agent == "rule-agent"
    assert postgres_sink.make_spec(settings, BROKER_CLOCK).agent == "postgres-sink"


def test_without_a_model_it_says_what_to_set() -> None:
    with pytest.raises(FatalError, match="OPENAI_MODEL is not set"):
        make(SERVICES | KEY)


@pytest.mark.parametrize(
    "environment", [PRODUCTION | MODEL | KEY, SERVICES | MODEL, SERVICES | OFF, PRODUCTION | OFF]
)
def test_a_model_and_its_key_start_it_and_switched_off_it_needs_neither(
    environment: dict[str, str],
) -> None:
    assert make(environment).agent == "llm-agent"


def test_switched_off_it_ends_what_is_left_unanswered_and_tells_of_no_endpoint() -> None:
    nobody = NoLlm()

    asked = asyncio.run(nobody.ask(ask(), Caller("default", "press", Limits()), 30))

    assert (asked.answer, asked.why, asked.use) == (None, SWITCHED_OFF, None)
    spec = make(SERVICES | OFF)
    assert spec.details is not None
    assert spec.details()["llm"] is None


async def test_a_lane_whose_limits_nobody_keeps_any_more_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def end() -> None:
        raise RuntimeError("nobody has foreseen this")

    settings = load(SERVICES | MODEL)
    monkeypatch.setattr(llm_lane, "count_partitions", lambda _: {"e": 12})
    switches = Switches("127.0.0.1:1", "judgify.control.v1", settings)
    lane = LlmLane(settings, (SystemClock(), BROKER_CLOCK), switches, ("e", "r"))
    monkeypatch.setattr(lane._limiter, "run", lambda _: end())
    await lane.open()
    await asyncio.sleep(0)

    with pytest.raises(FatalError, match="has ended"):
        await lane.ask(ask(), Caller("default", "press", Limits()), 1.0)
    await lane.close()
