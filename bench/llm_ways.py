"""Ways to have an escalation answered: the bare SDK, our call alone, all of the lane."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from openai import AsyncOpenAI
from pydantic import BaseModel

from agents.llm.agent import LlmAgent
from agents.llm.answer import answer_model
from agents.llm.endpoint import open_endpoint
from agents.llm.outcome import Reply
from agents.llm.prompt import Prompt, make_prompt
from agents.llm.question import Question, make_question, parse_escalation
from agents.llm.sdk import strict_schema
from bench.llm_lane import Surroundings
from bench.llm_load import make_escalations
from bench.peers.judging import Known, Record, open_book
from bench.running import BenchError, Ground
from judgify.processes.llm_lane import LlmLane
from rules.workflow.compiled import CompiledWorkflow
from runtime.clock import BrokerClock, SystemClock
from runtime.settings import Settings, load_settings
from stream.batch import Output
from stream.ledger import Ledger, TopicPartition
from topics.registry import CONTROL, ESCALATIONS, full_name
from topics.switches import Switches

TOUCH_S: Final = 10.0
LOOK_S: Final = 0.05
PARSE: Final = "SDK, responses.parse"
CREATE: Final = "SDK, responses.create"
CALL: Final = "our call alone"
ALONE: Final = "whole answer, limits of its own"
SHARED: Final = "whole answer, limits and cache in Valkey"
OURS: Final = (ALONE, SHARED)


class Case(NamedTuple):
    """One escalation, and what the bare SDK is asked in its place."""

    record: Record
    prompt: Prompt
    form: type[BaseModel]


Way = Callable[[Case], Awaitable[object]]


def make_cases(path: Path, tag: str, count: int) -> list[Case]:
    """Return different escalations, and what each leads to."""
    now_ms = time.time_ns() // 1_000_000
    workflow = _find_workflow(path, now_ms)
    cases = []
    for offset, (key, value) in enumerate(make_escalations(path, tag, count)):
        question = make_question(parse_escalation(value), workflow)
        prompt = make_prompt(question) if isinstance(question, Question) else None
        if not isinstance(question, Question) or not isinstance(prompt, Prompt):
            raise BenchError("the example holds an escalation that nobody may be asked about")
        record = Record(offset, now_ms, key, value, ())
        cases.append(Case(record, prompt, answer_model(question.verdicts)))
    return cases


def _find_workflow(path: Path, now_ms: int) -> CompiledWorkflow:
    workflow = open_book(path).in_force("default", path.parent.name, now_ms)
    if workflow is None:
        raise BenchError(f"{path.name} is not in force")
    return workflow


@asynccontextmanager
async def open_ways(ground: Ground, around: Surroundings) -> AsyncIterator[dict[str, Way]]:
    """Yield every way to have an escalation answered; ours check what they get."""
    async with AsyncExitStack() as stack:
        settings = _load(ground, around.settings())
        bare = AsyncOpenAI(api_key="any", base_url=settings.openai_base_url, max_retries=0)
        stack.push_async_callback(bare.close)
        endpoint = open_endpoint(settings)
        stack.push_async_callback(endpoint.close)

        async def call(case: Case) -> None:
            prompt = case.prompt
            reply = await endpoint.ask(
                prompt.system, prompt.user, case.form, settings.llm_total_timeout_s
            )
            if not isinstance(reply, Reply):
                raise BenchError(f"the stand-in did not answer: {reply.reason}")

        alone = _load(ground, around.settings(redis=False))
        yield {
            PARSE: _parse(bare, settings),
            CREATE: _create(bare, settings),
            CALL: call,
            ALONE: await stack.enter_async_context(_open_agent(ground, alone)),
            SHARED: await stack.enter_async_context(_open_agent(ground, settings)),
        }


def _parse(bare: AsyncOpenAI, settings: Settings) -> Way:
    async def parse(case: Case) -> None:
        known = _known(case, settings)
        answered = await bare.responses.parse(**known, text_format=case.form)
        if answered.output_parsed is None:
            raise BenchError("the stand-in answered nothing")

    return parse


def _create(bare: AsyncOpenAI, settings: Settings) -> Way:
    async def create(case: Case) -> None:
        form = {"type": "json_schema", "name": "answer", "strict": True}
        text: Any = {"format": form | {"schema": strict_schema(case.form)}}
        answered = await bare.responses.create(**_known(case, settings), text=text)
        if not answered.output_text:
            raise BenchError("the stand-in answered nothing")

    return create


def _known(case: Case, settings: Settings) -> Any:
    said = (("system", case.prompt.system), ("user", case.prompt.user))
    return {
        "model": settings.openai_model,
        "input": [{"role": role, "content": content} for role, content in said],
        "store": False,
        "temperature": settings.llm_temperature,
        "max_output_tokens": settings.llm_max_tokens,
    }


@asynccontextmanager
async def _open_agent(ground: Ground, settings: Settings) -> AsyncIterator[Way]:
    """Yield the agent with all that stands around the LLM in its process."""
    track, clock = ground.track, SystemClock()
    broker_clock = BrokerClock(clock)
    escalations = full_name(ESCALATIONS, track.prefix)
    switches = Switches(track.bootstrap, full_name(CONTROL, track.prefix), settings)
    lane = LlmLane(settings, (clock, broker_clock), switches, (escalations, track.results))
    ledger = Ledger()
    places = [TopicPartition(escalations, number) for number in range(track.partitions)]
    ledger.assign(places)
    lane.watch(ledger)
    await lane.open()
    try:
        async with asyncio.timeout(TOUCH_S):
            while lane.details()["limits_shared"] != settings.redis_enabled:  # noqa: ASYNC110 -- the lane tells nobody when Redis begins to count
                await asyncio.sleep(LOOK_S)
        agent = LlmAgent(
            track.results,
            Known(open_book(track.workflow), llm_enabled=True),
            lane,
            broker_clock,
            engine=version("judgify"),
            total_timeout_s=settings.llm_total_timeout_s,
        )

        async def answer(case: Case) -> None:
            _check(await agent.answer(places[0], case.record))

        yield answer
    finally:
        await lane.close()


def _check(outputs: Sequence[Output]) -> None:
    """Take part of what is measured: some microseconds to the disadvantage of ours."""
    judgment = orjson.loads(outputs[0].value or b"null")
    if judgment["method"] != "hybrid" or judgment["llm"]["cached"]:
        raise BenchError(f"nobody was asked: {judgment['reason']}")


def _load(ground: Ground, settings: Mapping[str, str]) -> Settings:
    # Cases are made before the first of a round is asked: they must not grow too old meanwhile.
    place = {
        "KAFKA_BOOTSTRAP_SERVERS": ground.track.bootstrap,
        "JUDGIFY_TOPIC_PREFIX": ground.track.prefix,
        "JUDGIFY_LLM_TOTAL_TIMEOUT_S": "600",
    }
    return load_settings(environment={**settings, **place}, dotenv=Path(os.devnull))
