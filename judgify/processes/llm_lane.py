"""What stands around the LLM in one process: the endpoint, its limits and its breaker."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from agents.llm.agent import SWITCHED_OFF
from agents.llm.asking import Allowance, Asked, Asker, Caller, Fence
from agents.llm.breaker import Breaker
from agents.llm.cache import AnswerCache
from agents.llm.endpoint import open_endpoint
from agents.llm.limits.amounts import EVERYTHING, limits_of
from agents.llm.limits.day import Share
from agents.llm.limits.limiter import Limiter
from agents.llm.prices import load_prices, usd_of_nano
from agents.llm.probe import Probe
from agents.llm.question import Question
from agents.llm.spend import count_spend
from runtime.clock import BrokerClock, Clock
from runtime.metrics import LLM_CIRCUIT_STATE
from runtime.redis_link import RedisLink
from runtime.settings import Settings
from schemas.errors import FatalError
from stream.ledger import Ledger
from stream.tasks import Tasks
from topics.clients import count_partitions
from topics.switches import Switches


class NoLlm:
    """In place of a lane that is switched off at boot: escalations from before end unanswered.

    Needs neither a model nor a key, and asks nobody, so that whoever switches the lane off may take
    those away too.
    """

    async def ask(self, question: Question, caller: Caller, left_s: float) -> Asked:
        del question, caller, left_s
        return Asked("unanswerable", None, SWITCHED_OFF, None)

    def watch(self, ledger: Ledger) -> None:
        """Do nothing: there is nothing to share."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def export(self) -> None:
        """Do nothing: no endpoint has a state."""

    def details(self) -> None:
        """Tell of no endpoint."""


class LlmLane:
    """Opened once; asks within all limits."""

    def __init__(
        self,
        settings: Settings,
        clocks: tuple[Clock, BrokerClock],
        switches: Switches,
        topics: tuple[str, str],
    ) -> None:
        """Judge escalations of the first of `topics`; spend is what the second says.

        Raises:
            FatalError: no model is set, or the file of prices cannot be read.
        """
        self._clock, broker_clock = clocks
        self._settings = settings
        self._escalations, self._results = topics
        self._endpoint = open_endpoint(settings)
        self._breaker = Breaker()
        self._probe = Probe(self._endpoint)
        url = settings.redis_url
        self._redis = RedisLink(
            url.get_secret_value() if url else None,
            self._clock,
            enabled=lambda: bool(switches.value("redis.enabled")),
        )
        self._limiter = Limiter(self._redis, self._clock, broker_clock.now_ms, self._share)
        self._ledger: Ledger | None = None
        self._partitions = 0
        self._stop = threading.Event()
        self._tasks = Tasks()
        fence = Fence(
            limiter=self._limiter,
            allowance=_allow(settings),
            breaker=self._breaker,
            prices=load_prices(settings.llm_prices),
            max_tokens=settings.llm_max_tokens,
            patience_s=min(settings.llm_call_timeout_s, settings.llm_total_timeout_s / 2),
        )
        cache = AnswerCache(self._redis, self._clock)
        self._asker = Asker(self._endpoint, cache, fence, self._clock)
        self._aside: list[asyncio.Task[None]] = []

    async def ask(self, question: Question, caller: Caller, left_s: float) -> Asked:
        """Return how asking ended, at most `left_s` from now.

        Raises:
            FatalError: what keeps the limits has ended: no call could be allowed any more.
        """
        for task in self._aside:
            if task.done():
                raise FatalError("what keeps the limits of the LLM has ended") from task.exception()
        return await self._asker.ask(question, caller, left_s)

    def watch(self, ledger: Ledger) -> None:
        """Take our share of the limits from the partitions in `ledger`, while Redis is away."""
        self._ledger = ledger

    async def open(self) -> None:
        """Begin to look at Redis and the endpoint; neither is waited for.

        Raises:
            DependencyError: Kafka does not answer.
        """
        counts = await asyncio.to_thread(count_partitions, self._settings.bootstrap)
        self._partitions = counts.get(self._escalations, 0)
        if not self._aside:
            self._aside = [
                self._tasks.start(self._limiter.run(self._count_today)),
                self._tasks.start(self._probe.run()),
            ]

    async def close(self) -> None:
        """End everything that was begun."""
        self._stop.set()
        await self._tasks.cancel()
        await self._endpoint.close()
        await self._redis.close()

    def export(self) -> None:
        """Set the gauges of it."""
        LLM_CIRCUIT_STATE.set(self._breaker.state(self._clock.monotonic_s()))

    def details(self) -> dict[str, Any]:
        """Return what `/status` tells of it."""
        limit_usd = self._settings.llm_usd_per_day
        return {
            "model": self._endpoint.model,
            "endpoint": self._settings.openai_base_url,
            "circuit": self._breaker.state(self._clock.monotonic_s()).name.lower(),
            "failure": self._probe.failure,
            "endings": dict(self._asker.endings),
            "limits_shared": self._limiter.in_touch,
            "spent_usd_today": usd_of_nano(self._limiter.spend.total(EVERYTHING)),
            "usd_per_day": limit_usd,
        }

    def _share(self) -> Share:
        owned = () if self._ledger is None else self._ledger.partitions
        return Share(frozenset(tp.partition for tp in owned), self._partitions)

    async def _count_today(self, since_ms: int) -> Mapping[str, int]:
        bootstrap, results = self._settings.bootstrap, self._results
        return await asyncio.to_thread(count_spend, bootstrap, results, since_ms, self._stop)


def _allow(settings: Settings) -> Allowance:
    return Allowance(
        limits_of(
            settings.llm_requests_per_minute,
            settings.llm_tokens_per_minute,
            settings.llm_usd_per_day,
        ),
        limits_of(
            settings.llm_tenant_requests_per_minute,
            settings.llm_tenant_tokens_per_minute,
            settings.llm_tenant_usd_per_day,
        ),
    )
