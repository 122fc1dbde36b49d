"""Putting a question to the LLM: the cache, the breaker, the limits, the call, one repair.

Nothing here raises what an endpoint, Redis or a model does: how it ended is a value, and unless it
is an answer it says why there is none.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from pydantic import BaseModel

from agents.llm.answer import Answer, InvalidAnswer, answer_model, check_answer, record_reply
from agents.llm.bill import Bill
from agents.llm.breaker import Breaker, Pass
from agents.llm.cache import AnswerCache, Hit, Sought, without_cost
from agents.llm.limits.amounts import Amount, Limits, Scope, scope_names
from agents.llm.limits.limiter import Limiter
from agents.llm.limits.outcome import Refusal, Reservation
from agents.llm.outcome import Failure, FailureKind, Reply, estimate_tokens
from agents.llm.prices import NANO_PER_USD, Prices
from agents.llm.prompt import Prompt, make_prompt
from agents.llm.question import Question, Unanswerable
from agents.llm.repair import repair_prompt
from runtime import failpoints
from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.metrics import (
    LLM_COST_USD_TOTAL,
    LLM_REQUEST_DURATION_SECONDS,
    LLM_REQUESTS_TOTAL,
    LLM_TOKENS_TOTAL,
)
from schemas.judgment import LlmUse

WORKING: Final[frozenset[FailureKind]] = frozenset({"refused", "incomplete", "bad_request"})
"""Failures of an endpoint that works: they open no breaker."""
UNBILLED: Final[frozenset[FailureKind]] = frozenset(
    {"rate_limited", "server_error", "unreachable", "auth", "quota", "bad_request"}
)
"""Failures for which nobody takes money; after any other the estimate stays spent."""
REPAIR_S_MIN: Final = 1.0
"""With less time left, a reply that is no answer is not asked for again."""

Status = Literal[
    "answered", "cached", "invalid", "failed", "breaker_open", "over_limit", "unanswerable"
]
log = get_logger(__name__)


class Caller(NamedTuple):
    """Whose question it is, and how much its workflow allows."""

    tenant: str
    workflow_id: str
    limits: Limits


class Allowance(NamedTuple):
    """How much all callers may use together, and how much each tenant."""

    everybody: Limits
    tenant: Limits

    def scopes(self, caller: Caller) -> tuple[Scope, ...]:
        """Return everything that limits a call, the widest first."""
        names = scope_names(caller.tenant, caller.workflow_id)
        limits = (self.everybody, self.tenant, caller.limits)
        return tuple(Scope(*each) for each in zip(names, limits, strict=True))


@dataclass(frozen=True, slots=True)
class Fence:
    """What bounds the calls of a process."""

    limiter: Limiter
    allowance: Allowance
    breaker: Breaker
    prices: Prices
    max_tokens: int
    """Reserved for each answer."""
    patience_s: float
    """An endpoint that had less time than this, and let it pass, has not failed."""


class Asked(NamedTuple):
    """How it ended: with an answer, or with the reason why there is none."""

    status: Status
    answer: Answer | None
    why: str
    """For people; empty with an answer."""
    use: LlmUse | None
    """None: nothing was sent, and nothing found in the cache."""
    leaked: bool = False
    """A reply gave away a mark of its prompt."""

    @property
    def settled(self) -> bool:
        """Whether the model has replied, and the reply is no answer."""
        return self.status == "invalid"

    def again(self) -> "Asked":
        """Return the same ending for an equal question that was not asked."""
        return self._replace(use=None if self.use is None else without_cost(self.use))


class _NoAnswer(NamedTuple):
    status: Status
    why: str


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """One question on its way."""

    question: Question
    caller: Caller
    ends_s: float
    """By our monotonic clock."""
    bill: Bill


class Asks(Protocol):
    """The endpoint: agents.llm.endpoint.Endpoint."""

    @property
    def model(self) -> str: ...

    async def ask(
        self, system: str, user: str, answer: type[BaseModel], left_s: float
    ) -> Reply | Failure: ...


class Asker:
    """Asks one endpoint, on behalf of everybody in this process."""

    def __init__(self, endpoint: Asks, cache: AnswerCache, fence: Fence, clock: Clock) -> None:
        self._endpoint = endpoint
        self._cache = cache
        self._fence = fence
        self._clock = clock
        self.endings: Counter[Status] = Counter()
        """How many questions ended how, since the start."""

    async def ask(self, question: Question, caller: Caller, left_s: float) -> Asked:
        """Return how it ended, at most `left_s` from now."""
        asked = await self._ask(question, caller, left_s)
        LLM_REQUESTS_TOTAL.labels(asked.status).inc()
        self.endings[asked.status] += 1
        return asked

    async def _ask(self, question: Question, caller: Caller, left_s: float) -> Asked:
        prompt = make_prompt(question)
        if isinstance(prompt, Unanswerable):
            return Asked("unanswerable", None, prompt.reason, None)
        ends_s = self._clock.monotonic_s() + left_s
        inquiry = _Inquiry(question, caller, ends_s, Bill(self._endpoint.model))
        sought = Sought(question, prompt, self._endpoint.model)
        found = await self._cache.find_or_ask(
            sought, left_s, lambda: self._ask_endpoint(prompt, inquiry)
        )
        return Asked("cached", found.answer, "", found.use) if isinstance(found, Hit) else found

    async def _ask_endpoint(self, prompt: Prompt, inquiry: _Inquiry) -> Asked:
        found = await self._call(prompt, inquiry)
        leaked = isinstance(found, InvalidAnswer) and found.kind == "leak"
        if isinstance(found, InvalidAnswer):
            repair = repair_prompt(prompt, found)
            if repair is not None and self._left_s(inquiry) >= REPAIR_S_MIN:
                found = await self._call(repair, inquiry)
                leaked = isinstance(found, InvalidAnswer) and found.kind == "leak"
        use = inquiry.bill.use()
        if isinstance(found, InvalidAnswer):
            return Asked("invalid", None, f"its answer does not count: {found.reason}", use, leaked)
        if isinstance(found, _NoAnswer):
            return Asked(found.status, None, found.why, use)
        return Asked("answered", found, "", use)

    # -- one call ---------------------------------------------------------

    async def _call(self, prompt: Prompt, inquiry: _Inquiry) -> Answer | InvalidAnswer | _NoAnswer:
        granted = self._fence.breaker.ask(self._clock.monotonic_s())
        if granted is None:
            wait_s = self._fence.breaker.retry_in_s(self._clock.monotonic_s())
            return _NoAnswer(
                "breaker_open", f"the endpoint has failed and is asked again in {wait_s:.0f} s"
            )
        try:
            return await self._call_within_limits(prompt, inquiry, granted)
        finally:
            self._fence.breaker.give_back(granted)

    async def _call_within_limits(
        self, prompt: Prompt, inquiry: _Inquiry, granted: Pass
    ) -> Answer | InvalidAnswer | _NoAnswer:
        estimate = self._estimate(prompt)
        question, scopes = inquiry.question, self._fence.allowance.scopes(inquiry.caller)
        reserved = await self._fence.limiter.reserve(scopes, estimate, self._left_s(inquiry))
        if isinstance(reserved, Refusal):
            return _NoAnswer("over_limit", f"no call was allowed: {reserved.reason}")
        failpoints.reach("llm_reserved")
        model, left_s = answer_model(question.verdicts), self._left_s(inquiry)
        outcome = await self._endpoint.ask(prompt.system, prompt.user, model, left_s)
        failpoints.reach("llm_replied")
        self._tell_breaker(outcome, granted, left_s)
        await self._settle(prompt, inquiry, reserved, outcome)
        if isinstance(outcome, Failure):
            log.warning("llm_call_failed", kind=outcome.kind, reason=outcome.reason)
            return _NoAnswer("failed", outcome.reason)
        inquiry.bill.reply = record_reply(outcome.text)
        return check_answer(outcome.text, question, prompt)

    def _left_s(self, inquiry: _Inquiry) -> float:
        return inquiry.ends_s - self._clock.monotonic_s()

    def _tell_breaker(self, outcome: Reply | Failure, granted: Pass, left_s: float) -> None:
        if isinstance(outcome, Reply) or outcome.kind in WORKING:
            self._fence.breaker.succeed(granted)
        elif outcome.kind == "timeout" and left_s < self._fence.patience_s:
            return  # else five requests with short deadlines would shut it for everybody
        elif outcome.tries:
            self._fence.breaker.fail(granted, self._clock.monotonic_s())

    # -- what it costs ----------------------------------------------------

    def _estimate(self, prompt: Prompt) -> Amount:
        tokens_in = estimate_tokens(prompt.size_bytes)
        return self._amount(1, tokens_in, self._fence.max_tokens)

    def _amount(self, requests: int, tokens_in: int, tokens_out: int) -> Amount:
        # By the model that we ask for: what a reply calls itself sets no price.
        nano_usd = self._fence.prices.cost_nano_usd(self._endpoint.model, tokens_in, tokens_out)
        return Amount(requests, tokens_in + tokens_out, nano_usd)

    async def _settle(
        self, prompt: Prompt, inquiry: _Inquiry, reserved: Reservation, outcome: Reply | Failure
    ) -> None:
        used = self._used(reserved.amount, outcome)
        await self._fence.limiter.settle(reserved, used)
        if not outcome.tries:
            return
        inquiry.bill.add(prompt, outcome, used.nano_usd)
        LLM_REQUEST_DURATION_SECONDS.observe(outcome.latency_ms / 1_000)
        LLM_COST_USD_TOTAL.inc(used.nano_usd / NANO_PER_USD)
        if outcome.usage is not None:
            LLM_TOKENS_TOTAL.labels("in").inc(outcome.usage.tokens_in)
            LLM_TOKENS_TOTAL.labels("out").inc(outcome.usage.tokens_out)

    def _used(self, estimate: Amount, outcome: Reply | Failure) -> Amount:
        """Return what a call has used; the estimate for each try of which nobody can know."""
        usage, unknown = outcome.usage, outcome.lost_tries
        known = Amount(outcome.tries, 0, 0)
        if usage is not None:
            known = self._amount(outcome.tries, usage.tokens_in, usage.tokens_out)
        elif outcome.tries and isinstance(outcome, Failure) and outcome.kind not in UNBILLED:
            unknown = max(1, unknown)
        tokens, nano_usd = estimate.tokens * unknown, estimate.nano_usd * unknown
        return Amount(outcome.tries, known.tokens + tokens, known.nano_usd + nano_usd)
