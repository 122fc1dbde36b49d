"""Three copies of llm-agent that spend, and the truth about what they spent."""

from dataclasses import dataclass, field
from itertools import count
from typing import Final

from agents.llm.limits.amounts import AMOUNT_MAX, Amount, Limits, Scope
from agents.llm.limits.day import Share
from agents.llm.limits.limiter import Limiter
from agents.llm.limits.outcome import DAY_MS, Refusal, Reservation
from runtime.redis_link import RedisLink
from tests.support.clock import FakeClock

PARTITIONS: Final = 12
NOON_MS: Final = 1_750_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2
WORKFLOWS: Final = ("milling", "turning")


def scopes_with(
    all_calls: Limits, tenant: Limits, workflow: Limits, name: str
) -> tuple[Scope, ...]:
    return (
        Scope("all", all_calls),
        Scope("tenant/default", tenant),
        Scope(f"workflow/default/{name}", workflow),
    )


def usd_only(nano_usd: int, *, tokens: int = 1, requests: int = 1) -> Amount:
    return Amount(requests, tokens, nano_usd)


@dataclass(eq=False)
class Call:
    """A call that was let through."""

    reservation: Reservation
    day: int
    used: int | None = None
    """Nano-dollars that it cost in truth; None while it is in flight."""

    @property
    def expected(self) -> int:
        return self.reservation.amount.nano_usd

    @property
    def cost(self) -> int:
        return self.expected if self.used is None else self.used

    @property
    def excess(self) -> int:
        return max(0, self.cost - self.expected)


@dataclass(eq=False)
class Copy:
    """One process: its limiter, its partitions, its calls in flight."""

    name: int
    limiter: Limiter
    link: RedisLink
    partitions: frozenset[int]
    in_flight: list[Call] = field(default_factory=list)


class Fleet:
    """Copies that share limits, through Redis where there is one, and one clock."""

    def __init__(
        self,
        redis_url: str | None,
        prefix: str,
        copies: int = 3,
        answer_timeout_s: float = 20.0,
    ) -> None:
        self.clock = FakeClock(wall_ms=NOON_MS)
        self.redis_up = True
        self._redis_url = redis_url
        self._answer_timeout_s = answer_timeout_s
        self.prefix = prefix
        self._names = count()
        self.calls: list[Call] = []
        self.lost: list[Call] = []
        """In flight when their process was killed: whatever they cost, no result says it."""
        self.copies = [self._start(frozenset(range(n, PARTITIONS, copies))) for n in range(copies)]

    @property
    def day(self) -> int:
        return self.clock.wall_ms() // DAY_MS

    def _start(self, partitions: frozenset[int]) -> Copy:
        link = RedisLink(
            self._redis_url,
            self.clock,
            enabled=lambda: self.redis_up,
            answer_timeout_s=self._answer_timeout_s,
        )
        limiter = Limiter(
            link,
            self.clock,
            self.clock.wall_ms,
            lambda: Share(copy.partitions, PARTITIONS),
            prefix=self.prefix,
        )
        limiter.count_wait_s = 0
        copy = Copy(next(self._names), limiter, link, partitions)
        return copy

    async def look_all(self) -> None:
        """Let each copy look at Redis, and have counted what it misses, as `run` does."""
        for copy in self.copies:
            await copy.limiter.look()
        for copy in self.copies:
            if copy.limiter.needs_count:
                await copy.limiter.count(self.count_results)
                await copy.limiter.look()

    async def tick(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        await self.look_all()

    async def pass_midnight(self) -> None:
        """Let the last seconds of the day pass, with calls in flight."""
        rest_s = (DAY_MS - self.clock.wall_ms() % DAY_MS) / 1_000
        self.clock.advance(rest_s - 1)
        await self.look_all()
        await self.tick(2)

    async def flush(self) -> None:
        """Let Redis lose everything of ours."""
        client = self.copies[0].link.client
        if client is not None:
            keys = [key async for key in client.scan_iter(match=f"{self.prefix}*", count=1_000)]
            if keys:
                await client.delete(*keys)

    async def count_results(self, since_ms: int) -> dict[str, int]:
        """Sum what the results say; what is in flight or lost has none."""
        totals: dict[str, int] = {}
        for call in self.calls:
            if call.used is not None and call.day == since_ms // DAY_MS:
                for scope in call.reservation.scopes:
                    totals[scope.name] = totals.get(scope.name, 0) + call.used
        return totals

    async def reserve(
        self, copy: Copy, scopes: tuple[Scope, ...], amount: Amount
    ) -> Call | Refusal:
        outcome = await copy.limiter.reserve(scopes, amount)
        if isinstance(outcome, Refusal):
            return outcome
        call = Call(outcome, self.day)
        self.calls.append(call)
        copy.in_flight.append(call)
        return call

    async def settle(self, copy: Copy, call: Call, nano_usd: int) -> None:
        copy.in_flight.remove(call)
        call.used = max(0, min(nano_usd, AMOUNT_MAX))  # nobody is paid for asking
        expected = call.reservation.amount
        await copy.limiter.settle(
            call.reservation, Amount(expected.requests, expected.tokens, nano_usd)
        )

    async def kill(self, copy: Copy) -> None:
        """End a copy with its calls in flight, and start another in its place."""
        self.lost += copy.in_flight
        await copy.link.close()
        self.copies[self.copies.index(copy)] = self._start(copy.partitions)

    def spent(self, scope: str, day: int) -> int:
        return sum(call.cost for call in self._of(scope, day))

    def slack(self, scope: str, day: int) -> int:
        """Return how much more than its limit may be spent.

        What calls took beyond their estimates, and what no result says of calls that were lost.
        """
        of_scope = self._of(scope, day)
        return sum(call.excess for call in of_scope) + sum(
            call.cost for call in of_scope if call in self.lost
        )

    def _of(self, scope: str, day: int) -> list[Call]:
        return [
            call
            for call in self.calls
            if call.day == day and scope in {s.name for s in call.reservation.scopes}
        ]

    async def close(self) -> None:
        await self.flush()
        for copy in self.copies:
            await copy.link.close()
