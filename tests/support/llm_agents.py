"""An LLM agent with a book of its own, a clock that stands still, and an asker that a test scripts."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from agents.llm.agent import LlmAgent
from agents.llm.asking import Asked, Caller
from agents.llm.question import Question
from runtime.clock import BrokerClock
from schemas.escalation import Escalation
from schemas.judgment import LlmUse
from stream.batch import Output
from stream.ledger import TopicPartition
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.clock import FakeClock
from tests.support.escalations import PRESS, escalate, make_press
from tests.support.rule_agents import ESCALATIONS, RESULTS, Knowledge
from tests.support.workflows import make_document

TOTAL_S: Final = 30.0
USE: Final = LlmUse(
    model="m",
    prompt_version="1",
    prompt_sha256="0" * 64,
    tokens_in=10,
    tokens_out=5,
    cost_usd=0.001,
    latency_ms=12.5,
    cached=False,
    reply="{}",
)


class FakeAsker:
    """Ends every question as the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Question, Caller, float]] = []
        self.ending = Asked("failed", None, "nothing is scripted", None)
        self.meanwhile: Callable[[], object] = list

    async def ask(self, question: Question, caller: Caller, left_s: float) -> Asked:
        self.asked.append((question, caller, left_s))
        self.meanwhile()
        return self.ending


class LlmBench:
    """The agent, what it knows, and the time."""

    def __init__(self, **parts: Any) -> None:
        self.knowledge = Knowledge()
        self.workflow = make_press(**parts)
        self.knowledge.publish(make_document(**PRESS | parts))
        self.knowledge.llm_enabled = True
        self.time = FakeClock(wall_ms=TIMESTAMP_MS + 100)
        self.clock = BrokerClock(self.time)
        self.asker = FakeAsker()
        self.agent = LlmAgent(
            RESULTS, self.knowledge, self.asker, self.clock, engine="1.2.3", total_timeout_s=TOTAL_S
        )

    def escalate(self, input_data: dict[str, Any], **fields: Any) -> Escalation:
        return escalate(self.workflow, input_data, **fields)

    def judge(self, escalation: Escalation) -> Any:
        """Return the one document that comes out for `escalation`."""
        outputs = self.answer(escalation, FakeRecord(5, timestamp=TIMESTAMP_MS + 50))
        assert [(output.topic, output.key) for output in outputs] == [(RESULTS, b"machine-1")]
        return orjson.loads(outputs[0].value or b"null")

    def answer(self, escalation: Escalation, record: FakeRecord) -> Sequence[Output]:
        return self.answer_raw(replace(record, value=orjson.dumps(escalation.model_dump())))

    def answer_raw(self, record: FakeRecord) -> Sequence[Output]:
        return asyncio.run(self.agent.answer(TopicPartition(ESCALATIONS, 0), record))
