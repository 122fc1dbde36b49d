"""Asking ends in time, within every limit, with an answer or with the reason for none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import orjson
import pytest
from pydantic import BaseModel

from agents.llm.answer import Answer
from agents.llm.asking import Allowance, Asked, Asker, Caller, Fence
from agents.llm.breaker import FAILURES_MAX, Breaker, CircuitState
from agents.llm.cache import AnswerCache
from agents.llm.limits.amounts import Limits
from agents.llm.limits.day import Share
from agents.llm.limits.limiter import COUNT_WAIT_S, Limiter
from agents.llm.outcome import Failure, FailureKind, Reply, Usage
from agents.llm.prices import load_prices
from agents.llm.prompt import Prompt, make_prompt
from runtime.redis_link import RedisLink
from runtime.setting_model import Settings
from tests.support.builders import TIMESTAMP_MS
from tests.support.clock import FakeClock
from tests.support.escalations import SEVERAL, ask

GOOD: Final = orjson.dumps({"verdict": "fail", "confidence": 0.9, "reasons": ["high"]}).decode()
BAD: Final = orjson.dumps({"verdict": "scrap", "confidence": 0.9, "reasons": []}).decode()
USAGE: Final = Usage(1_000, 100, estimated=False)
QUESTION: Final = ask(SEVERAL)
OTHER: Final = replace(QUESTION, instructions="Look twice.")
NO_LIMITS: Final = Limits()
CALLER: Final = Caller("default", "press", NO_LIMITS)
MODEL: Final = "gpt-4o-mini"
PATIENCE_S: Final = 10.0


def reply(text: str = GOOD) -> Reply:
    return Reply(text, USAGE, "gpt-4o-mini-2024-07-18", latency_ms=12.0, tries=1)


class ScriptedEndpoint:
    """Says what it was told to, in turn; then the last of it again."""

    model = MODEL

    def __init__(self, *outcomes: Reply | Failure) -> None:
        self._outcomes = list(outcomes)
        self.asked: list[tuple[str, str, float]] = []
        self.meanwhile: Callable[[], object] = list
        self.pause_s = 0.0

    async def ask(
        self, system: str, user: str, answer: type[BaseModel], left_s: float
    ) -> Reply | Failure:
        self.asked.append((system, user, left_s))
        self.meanwhile()
        await asyncio.sleep(self.pause_s)
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]


class Table:
    """An asker around a scripted endpoint."""

    def __init__(self, *outcomes: Reply | Failure, everybody: Limits = NO_LIMITS) -> None:
        self.clock = FakeClock()
        self.endpoint = ScriptedEndpoint(*outcomes)
        self.breaker = Breaker()
        self.limiter = Limiter(
            RedisLink(None, self.clock),
            self.clock,
            lambda: TIMESTAMP_MS,
            lambda: Share(frozenset(range(12)), 12),
        )
        fence = Fence(
            limiter=self.limiter,
            allowance=Allowance(everybody, NO_LIMITS),
            breaker=self.breaker,
            prices=load_prices(),
            max_tokens=Settings.model_fields["llm_max_tokens"].default,
            patience_s=PATIENCE_S,
        )
        cache = AnswerCache(RedisLink(None, self.clock), self.clock)
        self.asker = Asker(self.endpoint, cache, fence, self.clock)

    def ask(self, left_s: float = 30.0) -> Asked:
        return asyncio.run(self.asker.ask(QUESTION, CALLER, left_s))


def used(table: Table) -> tuple[int, int]:
    """Return requests and tokens of everybody in the last minute."""
    now_ms = int(table.clock.monotonic_s() * 1_000)
    found: tuple[int, int] = table.limiter._minutes._windows["all"].totals(now_ms)
    return found


def test_a_sound_reply_is_an_answer_with_what_it_cost() -> None:
    asked = Table(reply()).ask()

    assert asked.answer == Answer("fail", 0.9, ("high",))
    assert asked.use is not None
    prompt = make_prompt(QUESTION)
    assert isinstance(prompt, Prompt)
    assert asked.use.prompt_sha256 == prompt.sha256
    assert asked.use.model == "gpt-4o-mini-2024-07-18"
    assert (asked.use.tokens_in, asked.use.tokens_out, asked.use.reply) == (1_000, 100, GOOD)
    assert asked.use.cost_usd == pytest.approx((1_000 * 0.15 + 100 * 0.6) / 1e6)


def test_a_reply_that_is_none_is_asked_for_once_more() -> None:
    table = Table(reply(BAD), reply())

    asked = table.ask()

    assert asked.answer is not None
    assert asked.use is not None
    first, second = (user for _, user, _ in table.endpoint.asked)
    assert second.startswith(first)
    assert len(second) > len(first)
    assert (asked.use.tokens_in, asked.use.tokens_out) == (2_000, 200)
    assert asked.use.latency_ms == 24.0


def test_two_replies_that_are_none_end_it() -> None:
    table = Table(reply(BAD))

    asked = table.ask()

    assert len(table.endpoint.asked) == 2
    assert (asked.status, asked.answer) == ("invalid", None)
    assert asked.use is not None
    assert asked.use.reply == BAD


def test_a_leak_is_told_and_not_asked_again() -> None:
    prompt = make_prompt(QUESTION)
    assert isinstance(prompt, Prompt)
    table = Table(reply(GOOD.replace("high", prompt.canary)))

    asked = table.ask()

    assert len(table.endpoint.asked) == 1
    assert (asked.status, asked.leaked) == ("invalid", True)


def test_there_is_no_repair_without_time() -> None:
    table = Table(reply(BAD))
    table.endpoint.meanwhile = lambda: table.clock.advance(29.5)

    assert table.ask().status == "invalid"
    assert len(table.endpoint.asked) == 1


@pytest.mark.parametrize("kind", ["timeout", "server_error", "unreachable", "rate_limited", "auth"])
def test_failures_in_a_row_open_the_breaker_and_then_nobody_is_asked(kind: FailureKind) -> None:
    table = Table(Failure(kind, "it says why", tries=1))

    ends = [table.ask() for _ in range(FAILURES_MAX + 2)]

    assert len(table.endpoint.asked) == FAILURES_MAX
    assert [end.status for end in ends[-3:]] == ["failed", "breaker_open", "breaker_open"]
    assert ends[0].why == "it says why"
    assert "is asked again in 30 s" in ends[-1].why


@pytest.mark.parametrize(("left_s", "opens"), [(PATIENCE_S, True), (PATIENCE_S / 2, False)])
def test_questions_with_little_time_open_the_breaker_for_nobody(left_s: float, opens: bool) -> None:
    table = Table(Failure("timeout", "", tries=1))

    for _ in range(FAILURES_MAX):
        table.ask(left_s)

    assert (table.breaker.state(table.clock.monotonic_s()) is CircuitState.OPEN) == opens


def test_waiting_for_the_count_takes_no_longer_than_the_question_has() -> None:
    table = Table(reply(), everybody=Limits(nano_usd_per_day=10**9))
    started_s = time.monotonic()

    asked = table.ask(0.1)

    assert asked.status == "over_limit"
    assert time.monotonic() - started_s < COUNT_WAIT_S / 2


@pytest.mark.parametrize("kind", ["refused", "incomplete", "bad_request"])
def test_an_endpoint_that_works_opens_no_breaker(kind: FailureKind) -> None:
    table = Table(Failure(kind, "no", tries=1))

    for _ in range(FAILURES_MAX + 2):
        table.ask()

    assert len(table.endpoint.asked) == FAILURES_MAX + 2


def test_a_refusal_by_a_limit_costs_no_probe_and_sends_nothing() -> None:
    table = Table(Failure("timeout", "", tries=1), everybody=Limits(requests_per_minute=5))
    for _ in range(FAILURES_MAX):
        table.ask()
    table.clock.advance(30)

    assert table.ask().status == "over_limit"
    assert table.breaker.state(table.clock.monotonic_s()) is CircuitState.HALF_OPEN
    table.clock.advance(40)
    assert table.ask().status == "failed"
    assert len(table.endpoint.asked) == FAILURES_MAX + 1


def test_the_same_question_is_answered_again_without_a_call() -> None:
    table = Table(reply())

    first, second = table.ask(), table.ask()

    assert len(table.endpoint.asked) == 1
    assert (second.status, second.answer) == ("cached", first.answer)
    assert second.use is not None
    assert (second.use.cached, second.use.cost_usd, second.use.tokens_in) == (True, 0.0, 0)


def test_equal_questions_at_one_time_share_a_reply_that_is_no_answer() -> None:
    table = Table(reply(BAD))

    async def ask_often() -> list[Asked]:
        asks = [table.asker.ask(QUESTION, CALLER, 30.0) for _ in range(16)]
        return await asyncio.gather(*asks)

    table.endpoint.pause_s = 0.01
    endings = asyncio.run(ask_often())

    assert len(table.endpoint.asked) == 2  # the question and its repair
    assert {ending.status for ending in endings} == {"invalid"}
    costs = [ending.use.cost_usd for ending in endings if ending.use is not None]
    assert len(costs) == 16
    assert sum(cost > 0 for cost in costs) == 1
    assert table.ask().status == "invalid"
    assert len(table.endpoint.asked) == 4  # nothing is kept once nobody waits


def test_limits_are_settled_by_what_was_used() -> None:
    table = Table(reply(), everybody=Limits(tokens_per_minute=1_000_000))

    table.ask()

    assert used(table) == (1, 1_100)


@pytest.mark.parametrize(
    ("failure", "requests", "billed"),
    [
        (Failure("server_error", "", tries=3), 3, False),
        (Failure("timeout", "", tries=2), 2, True),
        (Failure("timeout", "", tries=0), 0, False),
    ],
)
def test_a_failure_that_may_cost_money_stays_counted(
    failure: Failure, requests: int, billed: bool
) -> None:
    table = Table(failure, everybody=Limits(tokens_per_minute=1_000_000))

    asked = table.ask()

    counted_requests, tokens = used(table)
    assert counted_requests == requests
    assert (tokens > 1_000) == billed
    assert (asked.use is not None) == bool(failure.tries)
    assert asked.use is None or (asked.use.cost_usd > 0) == billed


@pytest.mark.parametrize("kind", ["timeout", "unreachable"])
def test_each_try_that_was_lost_stays_counted(kind: FailureKind) -> None:
    counted = []
    for lost_tries in (1, 3):
        failure = Failure(kind, "", tries=3, lost_tries=lost_tries)
        table = Table(failure, everybody=Limits(tokens_per_minute=1_000_000))
        table.ask()
        counted.append(used(table)[1])

    assert counted[0] > 1_000
    assert counted[1] == 3 * counted[0]


def test_over_the_limit_nobody_is_asked_and_it_says_which() -> None:
    table = Table(reply(), everybody=Limits(requests_per_minute=1))

    first = table.ask()
    second = asyncio.run(table.asker.ask(OTHER, CALLER, 30.0))

    assert (first.status, second.status) == ("answered", "over_limit")
    assert "requests per minute of all calls: 1 of 1 used" in second.why
    assert len(table.endpoint.asked) == 1


def test_a_question_that_is_cancelled_gives_its_probe_back() -> None:
    table = Table(Failure("timeout", "", tries=1))
    for _ in range(FAILURES_MAX):
        table.ask()
    table.clock.advance(30)

    async def ask_and_cancel() -> None:
        table.endpoint.meanwhile = lambda: (_ for _ in ()).throw(asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await table.asker.ask(QUESTION, CALLER, 30.0)
        table.endpoint.meanwhile = list

    asyncio.run(ask_and_cancel())

    assert table.ask().status == "failed"


def test_a_prompt_that_is_too_large_is_not_sent() -> None:
    table = Table(reply())
    long = replace(QUESTION, instructions="x" * 100_000)

    asked = asyncio.run(table.asker.ask(long, CALLER, 30.0))

    assert asked.status == "unanswerable"
    assert table.endpoint.asked == []
