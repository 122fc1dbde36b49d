"""Laws of the limits over a real Redis: shared by all copies, through kills, outages and loss."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis.asyncio as redis
from hypothesis.stateful import rule

from agents.llm.limits.amounts import Limits, Scope
from agents.llm.limits.limiter import RETURN_S, Limiter
from agents.llm.limits.outcome import Refusal
from runtime.redis_link import ANSWER_TIMEOUT_S
from tests.support.limit_machine import SpendingCopies, check_histories
from tests.support.limit_model import OneCopyAndAList
from tests.support.llm_limits import Copy, Fleet, usd_only
from tests.support.own_valkey import OwnValkey
from tests.support.services import make_name, require_url
from tests.support.spender import CONCURRENCY, ESTIMATE
from tests.support.waiting import wait_until_async

LIMIT = 1_200
OpenFleet = Callable[..., Coroutine[Any, Any, Fleet]]
EVERYBODY = (Scope("all", Limits(nano_usd_per_day=LIMIT)),)


@pytest.fixture
def redis_url() -> str:
    return require_url("REDIS_URL")


@pytest.fixture
async def open_fleet() -> AsyncIterator[OpenFleet]:
    async with AsyncExitStack() as stack:

        async def start(url: str, copies: int = 3, **options: float) -> Fleet:
            fleet = Fleet(url, make_prefix(), copies, **options)
            stack.push_async_callback(fleet.close)
            await fleet.look_all()
            assert all(copy.limiter.in_touch for copy in fleet.copies)
            return fleet

        yield start


@pytest.fixture(scope="module")
def valkey() -> Iterator[OwnValkey]:
    with OwnValkey() as server:
        yield server


def make_prefix() -> str:
    return f"judgify:test:{make_name('limits')}:"


# -- any history --------------------------------------------------------------


class CopiesWithRedis(SpendingCopies):
    """The same histories, and a Redis that is away at times and forgets at times."""

    @rule()
    def lose_redis(self) -> None:
        """Redis goes away just after all have looked."""
        self.tick(1)
        self.fleet.redis_up = False

    @rule()
    def return_redis(self) -> None:
        self.fleet.redis_up = True

    @rule()
    def forget_all(self) -> None:
        """Redis loses everything just after all have looked."""
        self.tick(1)
        self.runner.run(self.fleet.flush())


class OneCopyWithRedis(OneCopyAndAList):
    """The same list, and Redis to keep it."""


def test_no_outage_loss_kill_or_midnight_lets_copies_exceed_the_limits_of_a_day(
    redis_url: str,
) -> None:
    CopiesWithRedis.redis_url = redis_url

    check_histories(CopiesWithRedis, examples=20, steps=40)


def test_redis_lets_through_exactly_what_fits(redis_url: str) -> None:
    OneCopyWithRedis.redis_url = redis_url

    check_histories(OneCopyWithRedis, examples=15, steps=40)


# -- real processes -----------------------------------------------------------


def test_three_processes_and_a_kill_in_a_burst_stay_below_the_limit(redis_url: str) -> None:
    prefix, limit = make_prefix(), 2_400
    command = [sys.executable, "-m", "tests.support.spender", redis_url, prefix, str(limit)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    killed = processes[0]
    assert killed.stdout is not None
    lines = [killed.stdout.readline() for _ in range(40)]  # it is in the middle of its calls
    killed.kill()
    processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))

    outputs = [process.communicate(timeout=30)[0].splitlines() for process in processes]

    outputs[0] = [*map(str.strip, lines), *outputs[0]]
    assert [output[-1] == "refused" for output in outputs] == [False, True, True, True]
    spent = [spent_by(output) for output in outputs]
    in_flight = spent[0][1]
    settled = sum(each[0] for each in spent)
    assert settled + in_flight <= limit
    # The rest was held by calls of the killed process, which nobody gives back.
    assert settled + in_flight > limit - ESTIMATE * (CONCURRENCY + 1)


def spent_by(output: list[str]) -> tuple[int, int]:
    """Return what a process has settled, and what it had in flight when it ended."""
    settled = [int(line.split()[1]) for line in output if line.startswith("settled ")]
    begun = sum(line.startswith("reserved ") for line in output)
    return sum(settled), (begun - len(settled)) * ESTIMATE


# -- a Redis that goes, hangs and comes back ----------------------------------


async def test_a_restart_of_redis_loses_neither_what_was_spent_before_nor_meanwhile(
    valkey: OwnValkey, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(valkey.url)
    await spend(fleet, calls=30, nano_usd=10)
    await fleet.tick()

    valkey.kill()
    alone = await spend(fleet, calls=300, nano_usd=10)
    valkey.start()
    while not all(copy.limiter.in_touch for copy in fleet.copies):
        await fleet.tick()
    again = await spend(fleet, calls=300, nano_usd=10)

    assert alone == 90, "each copy spent its third of the 900 that were left"
    assert again == 0
    assert fleet.spent("all", fleet.day) == LIMIT


async def test_after_redis_has_come_back_each_copy_keeps_to_its_share_until_all_have_told(
    valkey: OwnValkey, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(valkey.url)
    fleet.redis_up = False
    await fleet.tick()
    first, *others = fleet.copies
    for copy in others:
        await spend_by(fleet, copy, calls=100, nano_usd=10)
    fleet.redis_up = True

    await first.limiter.look()  # the others have not looked: Redis knows nothing of their calls
    await spend_by(fleet, first, calls=300, nano_usd=10)

    assert fleet.spent("all", fleet.day) <= LIMIT
    for _ in range(int(RETURN_S) + 1):
        await fleet.tick()
    assert all(copy.limiter.in_touch for copy in fleet.copies)


async def test_a_redis_that_hangs_delays_one_call_and_then_none(
    valkey: OwnValkey, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(valkey.url, copies=1, answer_timeout_s=ANSWER_TIMEOUT_S)
    copy = fleet.copies[0]

    valkey.freeze()
    try:
        began_s = time.monotonic()
        outcomes = [await fleet.reserve(copy, EVERYBODY, usd_only(1)) for _ in range(50)]
        took_s = time.monotonic() - began_s
    finally:
        valkey.thaw()

    assert not any(isinstance(outcome, Refusal) for outcome in outcomes)
    assert ANSWER_TIMEOUT_S <= took_s < 3 * ANSWER_TIMEOUT_S
    await fleet.tick()
    await fleet.tick(RETURN_S + 1)
    assert copy.limiter.in_touch
    totals = await shared_total(copy.limiter, valkey.url, fleet)
    assert 50 <= totals <= 51, "the call that hung may count twice, no other"


async def test_a_new_minute_of_the_clock_forgets_nothing_of_the_last_sixty_seconds(
    redis_url: str, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(redis_url, copies=1)
    copy, scopes = fleet.copies[0], (Scope("all", Limits(2, None, None)),)
    await fleet.tick(58)
    for _ in range(2):
        assert not isinstance(await fleet.reserve(copy, scopes, usd_only(1)), Refusal)

    await fleet.tick(4)
    refused = await fleet.reserve(copy, scopes, usd_only(1))
    assert isinstance(refused, Refusal)
    assert (refused.local, refused.room_in_ms) == (False, 58_000)
    await fleet.tick(57.9)
    assert isinstance(await fleet.reserve(copy, scopes, usd_only(1)), Refusal)
    await fleet.tick(0.1)
    assert not isinstance(await fleet.reserve(copy, scopes, usd_only(1)), Refusal)


async def test_what_redis_was_asked_for_and_has_not_answered_counts_as_spent(
    valkey: OwnValkey, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(valkey.url)
    copy = fleet.copies[0]

    valkey.freeze()
    asked = asyncio.gather(*(fleet.reserve(copy, EVERYBODY, usd_only(10)) for _ in range(30)))
    await wait_until_async(lambda: copy.limiter.spend.asked["all"] == 300)
    fleet.redis_up = False
    alone = [await fleet.reserve(copy, EVERYBODY, usd_only(10)) for _ in range(20)]
    fleet.redis_up = True
    valkey.thaw()
    answered = await asked

    assert sum(not isinstance(outcome, Refusal) for outcome in alone) == 10, "its share is 400"
    assert not any(isinstance(outcome, Refusal) for outcome in answered)
    assert copy.limiter.spend.asked["all"] == 0


async def test_a_redis_that_forgets_its_scripts_is_taught_them_again(
    redis_url: str, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(redis_url, copies=1)
    assert not isinstance(await fleet.reserve(fleet.copies[0], EVERYBODY, usd_only(1)), Refusal)
    client = fleet.copies[0].link.client
    assert client is not None
    await client.script_flush()

    assert not isinstance(await fleet.reserve(fleet.copies[0], EVERYBODY, usd_only(1)), Refusal)
    assert fleet.copies[0].limiter.in_touch


async def test_a_key_of_somebody_else_in_the_way_costs_no_answer(
    redis_url: str, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(redis_url, copies=1)
    client = fleet.copies[0].link.client
    assert client is not None
    for key in [key async for key in client.scan_iter(match=f"{fleet.prefix}*", count=1_000)]:
        await client.delete(key)
        await client.set(key, "not a hash")

    outcome = await fleet.reserve(fleet.copies[0], EVERYBODY, usd_only(1))

    assert not isinstance(outcome, Refusal)
    assert not fleet.copies[0].limiter.in_touch
    assert "WRONGTYPE" in (fleet.copies[0].link.failure or "")
    await fleet.flush()


async def test_a_number_that_is_none_costs_no_answer(redis_url: str, open_fleet: OpenFleet) -> None:
    fleet = await open_fleet(redis_url, copies=1)
    copy = fleet.copies[0]
    assert copy.link.client is not None
    async for key in copy.link.client.scan_iter(match=f"{fleet.prefix}*", count=1_000):
        await copy.link.client.hset(key, "tenant/evil", "1e400 and more")

    await fleet.tick()

    assert not copy.limiter.in_touch
    assert not isinstance(await fleet.reserve(copy, EVERYBODY, usd_only(1)), Refusal)


async def test_everything_in_redis_expires(redis_url: str, open_fleet: OpenFleet) -> None:
    fleet = await open_fleet(redis_url, copies=1)
    scopes = (Scope("all", Limits(10, 10, 10)), Scope("tenant/a", Limits(5)))
    await fleet.reserve(fleet.copies[0], scopes, usd_only(1))
    client = fleet.copies[0].link.client
    assert client is not None

    keys = [key async for key in client.scan_iter(match=f"{fleet.prefix}*", count=1_000)]

    assert len(keys) == 3
    assert all([0 < await client.ttl(key) <= 172_800 for key in keys])


async def test_calls_that_come_at_once_share_one_limit(
    redis_url: str, open_fleet: OpenFleet
) -> None:
    fleet = await open_fleet(redis_url)

    outcomes = await asyncio.gather(
        *(fleet.reserve(fleet.copies[n % 3], EVERYBODY, usd_only(100)) for n in range(90))
    )

    assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == LIMIT // 100


async def spend(fleet: Fleet, calls: int, nano_usd: int) -> int:
    """Make and settle calls in turn by all copies; return how many were let through."""
    made = 0
    for number in range(calls):
        made += await spend_by(fleet, fleet.copies[number % len(fleet.copies)], 1, nano_usd)
    return made


async def spend_by(fleet: Fleet, copy: Copy, calls: int, nano_usd: int) -> int:
    made = 0
    for _ in range(calls):
        call = await fleet.reserve(copy, EVERYBODY, usd_only(nano_usd))
        if not isinstance(call, Refusal):
            await fleet.settle(copy, call, nano_usd)
            made += 1
    return made


async def shared_total(limiter: Limiter, url: str, fleet: Fleet) -> int:
    async with redis.Redis.from_url(url) as client:
        total = await client.hget(f"{fleet.prefix}{{limits}}:day:{limiter.spend.day}", "all")
    return int(total or 0)
