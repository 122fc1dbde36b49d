"""Questions, replies and caches of answers, for tests."""

from dataclasses import replace
from typing import Final

import orjson

from agents.llm.answer import Answer, check_answer
from agents.llm.cache import Sought
from agents.llm.prompt import PROMPT_VERSION, make_prompt
from agents.llm.question import Question, Unanswerable
from schemas.judgment import LlmUse
from tests.support.escalations import SEVERAL, ask

MODEL: Final = "gpt-5-mini"
QUESTION: Final = ask(SEVERAL)


def seek(question: Question = QUESTION, model: str = MODEL) -> Sought:
    prompt = make_prompt(question)
    assert not isinstance(prompt, Unanswerable)
    return Sought(question, prompt, model)


def seek_value(value: object, kind: str = "number") -> Sought:
    """Return the question about an event whose first value is `value`."""
    first, *rest = QUESTION.values
    shown = replace(first, value=value, type=kind)  # type: ignore[arg-type]  # a value of any kind
    return seek(replace(QUESTION, values=(shown, *rest)))


def make_reply(verdict: str = "fail", confidence: float = 0.9, reason: str = "high") -> str:
    raw = {"verdict": verdict, "confidence": confidence, "reasons": [reason]}
    return orjson.dumps(raw).decode()


def make_use(reply: str) -> LlmUse:
    return LlmUse(
        model=MODEL,
        prompt_version=PROMPT_VERSION,
        prompt_sha256="0" * 64,
        tokens_in=900,
        tokens_out=80,
        cost_usd=0.0004,
        latency_ms=812.5,
        cached=False,
        reply=reply,
    )


def answered(sought: Sought, reply: str) -> tuple[Answer, LlmUse]:
    """Return what a call brings that got `reply`."""
    answer = check_answer(reply, sought.question, sought.prompt)
    assert isinstance(answer, Answer)
    return answer, make_use(reply)
