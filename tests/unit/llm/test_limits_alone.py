"""Laws of the limits without Redis: each copy keeps to its share, whatever happens to the others."""

import asyncio

import pytest

from agents.llm.limits.amounts import Amount, Limits, Scope
from agents.llm.limits.outcome import Refusal, Reservation
from schemas.errors import DependencyError
from tests.support.limit_machine import SpendingCopies, check_histories
from tests.support.limit_model import OneCopyAndAList
from tests.support.llm_limits import Fleet, usd_only

EVERYBODY = (Scope("all", Limits(nano_usd_per_day=1_000)),)


def test_copies_that_know_nothing_of_each_other_keep_every_limit_of_a_day() -> None:
    check_histories(SpendingCopies, examples=15, steps=30)


def test_a_copy_alone_lets_through_exactly_what_fits() -> None:
    check_histories(OneCopyAndAList, examples=15, steps=40)


async def make_fleet(copies: int = 1) -> Fleet:
    fleet = Fleet(None, "unused", copies)
    await fleet.look_all()
    return fleet


async def test_a_copy_without_partitions_lets_nothing_through() -> None:
    fleet = await make_fleet()
    fleet.copies[0].partitions = frozenset()
    await fleet.tick()

    refusals = [
        await fleet.reserve(fleet.copies[0], (Scope("all", limits),), Amount(1, 1, 1))
        for limits in (Limits(100), Limits(None, 100), Limits(None, None, 100))
    ]

    assert all(isinstance(refusal, Refusal) and refusal.limit == 0 for refusal in refusals)


async def test_what_has_no_limit_is_let_through_by_everybody() -> None:
    fleet = await make_fleet()
    fleet.copies[0].partitions = frozenset()

    outcome = await fleet.copies[0].limiter.reserve((Scope("all"),), Amount(1, 2**70, 2**70))

    assert isinstance(outcome, Reservation)


async def test_a_refusal_says_whose_limit_it_is_how_much_is_left_and_when_there_is_more() -> None:
    fleet = await make_fleet()
    copy = fleet.copies[0]
    scopes = (
        Scope("all", Limits(100)),
        Scope("tenant/acme"),
        Scope("workflow/acme/press", Limits(2, None, 5_000_000)),
    )
    for _ in range(2):
        await fleet.reserve(copy, scopes, usd_only(1_000_000))
    await fleet.tick(10)

    by_minute = await fleet.reserve(copy, scopes, usd_only(1_000_000))
    await fleet.tick(60)
    by_day = await fleet.reserve(copy, scopes, usd_only(4_000_000))
    never = await fleet.reserve(copy, scopes, usd_only(6_000_000))

    assert isinstance(by_minute, Refusal)
    assert by_minute.reason == (
        "requests per minute of workflow acme/press: 2 of 2 used for this copy's share, 1 needed; "
        "room again in 52 s"
    )
    assert isinstance(by_day, Refusal)
    assert by_day.reason.startswith(
        "US dollars per day of workflow acme/press: 0.0020 of 0.0050 used for this copy's share, "
        "0.0040 needed; room again in 43"
    )
    assert isinstance(never, Refusal)
    assert never.reason.endswith(
        "one call needs more than is allowed: raise the limit, or ask for less"
    )


async def test_nobody_spends_what_might_have_been_spent_before_it_is_counted() -> None:
    fleet = Fleet(None, "unused", copies=1)
    copy = fleet.copies[0]

    before = await fleet.reserve(copy, EVERYBODY, usd_only(1))
    await fleet.look_all()
    after = await fleet.reserve(copy, EVERYBODY, usd_only(1))

    assert isinstance(before, Refusal)
    assert before.uncounted
    assert "still being counted" in before.reason
    assert not isinstance(after, Refusal)


async def test_a_call_waits_for_the_count_that_it_needs() -> None:
    fleet = Fleet(None, "unused", copies=1)
    limiter = fleet.copies[0].limiter
    limiter.count_wait_s = 20.0
    counted: list[int] = []

    async def count_today(since_ms: int) -> dict[str, int]:
        counted.append(since_ms)
        await asyncio.sleep(0)
        return {"all": 999}

    running = asyncio.ensure_future(limiter.run(count_today))
    outcomes = await asyncio.gather(*(limiter.reserve(EVERYBODY, usd_only(1)) for _ in range(3)))
    running.cancel()

    assert [isinstance(outcome, Reservation) for outcome in outcomes] == [True, False, False]
    assert counted == [fleet.day * 86_400_000]
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_count_that_fails_changes_nothing() -> None:
    fleet = Fleet(None, "unused", copies=1)

    async def count_today(since_ms: int) -> dict[str, int]:
        raise DependencyError("kafka", "away")

    with pytest.raises(DependencyError):
        await fleet.copies[0].limiter.count(count_today)

    assert fleet.copies[0].limiter.needs_count


async def test_a_count_of_yesterday_is_not_taken_for_today() -> None:
    fleet = Fleet(None, "unused", copies=1)
    limiter = fleet.copies[0].limiter

    async def count_over_midnight(since_ms: int) -> dict[str, int]:
        fleet.clock.advance(86_400)
        await limiter.look()
        return {}

    await limiter.count(count_over_midnight)

    assert limiter.needs_count, "the process slept over midnight: it knows nothing of today"


async def test_partitions_that_come_from_another_copy_bring_what_it_spent() -> None:
    fleet = await make_fleet(copies=2)
    first, second = fleet.copies
    spent = await fleet.reserve(first, EVERYBODY, usd_only(500))
    assert not isinstance(spent, Refusal)
    await fleet.settle(first, spent, 500)

    second.partitions, first.partitions = frozenset(range(12)), frozenset()
    uncounted = await fleet.reserve(second, EVERYBODY, usd_only(1))
    await fleet.tick()

    assert isinstance(uncounted, Refusal)
    assert uncounted.uncounted
    assert isinstance(await fleet.reserve(second, EVERYBODY, usd_only(501)), Refusal)
    assert not isinstance(await fleet.reserve(second, EVERYBODY, usd_only(500)), Refusal)


async def test_settling_twice_is_settling_once() -> None:
    fleet = await make_fleet()
    limiter = fleet.copies[0].limiter
    reserved = await limiter.reserve(EVERYBODY, usd_only(600))
    assert isinstance(reserved, Reservation)

    for _ in range(3):
        await limiter.settle(reserved, usd_only(400))

    assert limiter.spend.total("all") == 400


async def test_a_count_of_the_results_keeps_what_is_in_flight_and_has_no_result() -> None:
    fleet = await make_fleet()
    copy = fleet.copies[0]
    done = await fleet.reserve(copy, EVERYBODY, usd_only(300))
    assert not isinstance(done, Refusal)
    await fleet.settle(copy, done, 250)
    await fleet.reserve(copy, EVERYBODY, usd_only(400))

    await copy.limiter.count(fleet.count_results)

    assert copy.limiter.spend.total("all") == 650


async def test_a_call_that_is_settled_tomorrow_changes_nothing_there() -> None:
    fleet = await make_fleet()
    copy = fleet.copies[0]
    late = await fleet.reserve(copy, EVERYBODY, usd_only(900))
    assert not isinstance(late, Refusal)

    await fleet.pass_midnight()
    await fleet.reserve(copy, EVERYBODY, usd_only(500))
    await fleet.settle(copy, late, 100)

    assert copy.limiter.spend.total("all") == 500


@pytest.mark.parametrize("used", [-1, -(2**70)])
async def test_no_count_of_an_endpoint_refunds_more_than_was_reserved(used: int) -> None:
    fleet = await make_fleet()
    limiter = fleet.copies[0].limiter
    reserved = await limiter.reserve(EVERYBODY, usd_only(600))
    assert isinstance(reserved, Reservation)

    await limiter.settle(reserved, Amount(used, used, used))

    assert limiter.spend.total("all") == 0
