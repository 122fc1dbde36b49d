"""A process that spends until it is refused: `python -m tests.support.spender URL PREFIX LIMIT`.

Prints `reserved N` when a call is let through, `settled N` when it has ended, `refused` and ends
when nothing more fits. Whoever kills it reads there what it had in flight.
"""

import asyncio
import random
import sys
from typing import Final

from agents.llm.limits.amounts import Amount, Limits, Scope
from agents.llm.limits.day import Share
from agents.llm.limits.limiter import Limiter
from agents.llm.limits.outcome import Refusal
from runtime.clock import SystemClock
from runtime.redis_link import RedisLink
from tests.support.llm_limits import NOON_MS

ESTIMATE: Final = 10
CONCURRENCY: Final = 8


async def spend(limiter: Limiter, scopes: tuple[Scope, ...]) -> None:
    while True:
        outcome = await limiter.reserve(scopes, Amount(1, 1, ESTIMATE))
        if isinstance(outcome, Refusal):
            return
        print(f"reserved {ESTIMATE}", flush=True)
        await asyncio.sleep(random.uniform(0, 0.01))
        used = random.randint(ESTIMATE // 2, ESTIMATE)
        await limiter.settle(outcome, Amount(1, 1, used))
        print(f"settled {used}", flush=True)


async def main(url: str, prefix: str, limit: int) -> None:
    clock = SystemClock()
    link = RedisLink(url, clock, answer_timeout_s=10.0)
    share = Share(frozenset({0}), 12)
    limiter = Limiter(link, clock, lambda: NOON_MS, lambda: share, prefix=prefix)
    await limiter.look()
    if limiter.needs_count:
        await limiter.count(count_nothing)
        await limiter.look()
    assert limiter.in_touch
    scopes = (Scope("all", Limits(nano_usd_per_day=limit)),)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(spend(limiter, scopes))
    print("refused", flush=True)
    await link.close()


async def count_nothing(since_ms: int) -> dict[str, int]:
    return {}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
