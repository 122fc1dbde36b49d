"""Leave for each call of the LLM: reserved in all its scopes at once, corrected when it has ended.

A reservation counts as used from the moment it is made, with the most that the call may take, and
settling corrects it. So a crash in between leaves it used, and no lease must be swept; limits are
exceeded by no more than what calls in flight take beyond their estimates.

Redis shares the count among all copies. Without it, a copy may use its share of the limits: by its
part of all partitions. `run` keeps in touch with Redis, returns to it by itself, and has today's
results counted where nobody knows what was spent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import Final

from agents.llm.limits.amounts import Amount, Scope
from agents.llm.limits.day import DaySpend, Share
from agents.llm.limits.minutes import OwnMinutes
from agents.llm.limits.outcome import DAY_MS, Refusal, Reservation
from agents.llm.limits.shared import KEYS, Counted, SharedCount
from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.redis_link import RedisAway, RedisLink
from schemas.errors import DependencyError

KEEP_UP_S: Final = 1.0
"""Between two looks at Redis: so old is what a copy knows of the others at most."""
COUNT_PAUSE_S: Final = 5.0
"""After a count of the results that failed."""
COUNT_WAIT_S: Final = 5.0
SYNCS_MAX: Final = 5
"""Of one look, when new debts are made meanwhile."""
RETURN_S: Final = 5.0
"""After Redis has come back, a copy keeps to its share for so long: all others tell their debts."""

CountToday = Callable[[int], Awaitable[Mapping[str, int]]]
"""From broker ms to what was spent since by scope, nano-dollars; may raise `DependencyError`."""

_log = get_logger(__name__)


class Limiter:
    """All reservations of one process. Whether Redis is there changes limits, never an outcome."""

    def __init__(
        self,
        link: RedisLink,
        clock: Clock,
        broker_ms: Callable[[], int],
        share: Callable[[], Share],
        *,
        prefix: str = KEYS,
    ) -> None:
        """Count by the broker's clock (its day, in UTC); `share` tells the present partitions.

        Processes with the same `prefix` in the same Redis share their limits.
        """
        self._shared = SharedCount(link, prefix)
        self._clock = clock
        self._broker_ms = broker_ms
        self._share = share
        self._minutes = OwnMinutes()
        self._in_touch = False
        self._keeps_share_until_s: float | None = -inf
        self.count_wait_s = COUNT_WAIT_S
        """How long a call waits at most for the results to be counted."""
        self._count_wanted = asyncio.Event()
        self._count_ended = asyncio.Event()
        self.spend = DaySpend(broker_ms())

    @property
    def in_touch(self) -> bool:
        """Whether Redis counts at present; if not, we do, against our share."""
        return self._in_touch and self._shared.used

    async def reserve(
        self, scopes: Sequence[Scope], amount: Amount, wait_s: float = inf
    ) -> Reservation | Refusal:
        """Count `amount` in every scope if it fits in each, else in none.

        Waits no longer than `wait_s` for what today's calls have cost to be known.
        """
        amount = amount.bounded()
        outcome = await self._reserve(scopes, amount)
        if not isinstance(outcome, Refusal) or not outcome.uncounted:
            return outcome
        if await self._wait_for_count(min(wait_s, self.count_wait_s)):
            return await self._reserve(scopes, amount)
        return outcome

    async def _reserve(self, scopes: Sequence[Scope], amount: Amount) -> Reservation | Refusal:
        self.spend.attend(self._broker_ms(), self._share())
        if self.in_touch:
            try:
                with self.spend.asking(scopes, amount.nano_usd):
                    return await self._reserve_shared(tuple(scopes), amount)
            except RedisAway:
                self._lose_touch()
        return self._reserve_own(tuple(scopes), amount)

    async def settle(self, reservation: Reservation, used: Amount) -> None:
        """Correct `reservation` by what the call really used; only the first time counts.

        A reservation that nobody settles stays as it is.
        """
        if reservation.settled:
            return
        reservation.settled = True
        difference = used.bounded().minus(reservation.amount)
        self._minutes.correct(reservation, difference)
        self.spend.attend(self._broker_ms(), self._share())
        if reservation.day != self.spend.day:
            return  # the limit of a day that is over binds nobody
        if reservation.shared_ms is None:
            self.spend.close(reservation.scopes, reservation.amount.nano_usd)
        if difference != (0, 0, 0):
            await self._correct(reservation, difference)

    async def run(self, count_today: CountToday) -> None:
        """Keep in touch with Redis, and have today's results counted when needed; never returns."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_up(), name="llm-limits-redis")
            group.create_task(self._keep_counted(count_today), name="llm-limits-count")

    async def look(self) -> bool:
        """Look at Redis once: tell it our debts, learn what all have spent.

        Returns whether Redis counts from now on: not while it is away, nor just after its return.
        """
        self.spend.attend(self._broker_ms(), self._share())
        self._minutes.forget_old(self._own_ms())
        try:
            for _ in range(SYNCS_MAX):
                await self._sync()
                if not any(self.spend.untold.values()):
                    break
        except RedisAway:
            self._lose_touch()
            return False
        self._in_touch = not self._keeps_share() and not any(self.spend.untold.values())
        return self._in_touch

    @property
    def needs_count(self) -> bool:
        """Whether calls under a daily limit are refused until today's results are counted."""
        if self.in_touch:
            return not self.spend.whole
        return self.spend.needs_count(self._share())

    async def count(self, count_today: CountToday) -> None:
        """Have today's results counted, and use what they say.

        Raises:
            DependencyError: they cannot be read; nothing has changed.
        """
        mark = self.spend.begin_count()
        share = self._share()
        totals = await count_today(mark.day * DAY_MS)
        if self.spend.count(mark, totals, share):
            _log.info("llm_spend_counted", scopes=len(totals))

    async def _keep_up(self) -> None:
        while True:
            was_in_touch = self.in_touch
            is_in_touch = await self.look()
            if is_in_touch != was_in_touch:
                _log.info("llm_limits_moved", counted_by="redis" if is_in_touch else "this copy")
            await asyncio.sleep(KEEP_UP_S)

    async def _keep_counted(self, count_today: CountToday) -> None:
        while True:
            await self._count_wanted.wait()
            if await self._is_counted(count_today):
                self._count_wanted.clear()
                self._count_ended.set()
            else:
                await asyncio.sleep(COUNT_PAUSE_S)

    async def _is_counted(self, count_today: CountToday) -> bool:
        """Have today's results counted if they must be; False: they cannot be read now."""
        try:
            if self.needs_count:
                await self.count(count_today)
                await self.look()
        except DependencyError as error:
            _log.warning("llm_spend_uncounted", reason=error.reason)
            return False
        return True

    async def _wait_for_count(self, wait_s: float) -> bool:
        """Have the results counted; say whether that has ended in time."""
        self._count_ended.clear()
        self._count_wanted.set()
        try:
            async with asyncio.timeout(wait_s):
                return await self._count_ended.wait()
        except TimeoutError:
            return False

    async def _reserve_shared(
        self, scopes: tuple[Scope, ...], amount: Amount
    ) -> Reservation | Refusal:
        now_ms, day = self._broker_ms(), self.spend.day
        answer = await self._shared.reserve(self.spend, scopes, amount, now_ms)
        if answer == "unsynced":
            await self._sync()
            day = self.spend.day
            answer = await self._shared.reserve(self.spend, scopes, amount, now_ms)
        if answer == "unsynced":
            raise RedisAway("forgets the count of the day at once", asked=True)
        if isinstance(answer, Refusal):
            return answer
        self._note(answer, day)
        slot = self._minutes.add(scopes, amount, self._own_ms())
        return Reservation(scopes, amount, day, now_ms, slot)

    def _reserve_own(self, scopes: tuple[Scope, ...], amount: Amount) -> Reservation | Refusal:
        share, own_ms, now_ms = self._share(), self._own_ms(), self._broker_ms()
        for scope in scopes:
            refusal = self.spend.refuse(scope, amount.nano_usd, share, now_ms)
            refusal = refusal or self._minutes.refuse(scope, amount, share, own_ms)
            if refusal is not None:
                return refusal
        self.spend.spend(scopes, amount.nano_usd)
        slot = self._minutes.add(scopes, amount, own_ms)
        return Reservation(scopes, amount, self.spend.day, None, slot)

    async def _correct(self, reservation: Reservation, difference: Amount) -> None:
        if not self.in_touch:
            self.spend.correct(reservation.scopes, difference.nano_usd)
            return
        try:
            answer = await self._shared.settle(self.spend, reservation, difference)
            if answer == "unsynced":
                await self._sync()
                answer = await self._shared.settle(self.spend, reservation, difference)
        except (RedisAway, asyncio.CancelledError) as error:
            # It may have been done. Counting twice what a call cost beyond its estimate is safe;
            # giving back twice what it left would not be.
            self.spend.correct(reservation.scopes, max(0, difference.nano_usd))
            if isinstance(error, asyncio.CancelledError):
                raise
            self._lose_touch()
            return
        if isinstance(answer, Counted):
            self._note(answer, reservation.day)

    def _note(self, counted: Counted, day: int) -> None:
        if day == self.spend.day:  # it may have ended while Redis answered
            self.spend.note(counted.totals, self._share())

    async def _sync(self) -> None:
        day = self.spend.day
        look = await self._shared.sync(self.spend)
        if self._keeps_share_until_s is None:
            self._keeps_share_until_s = self._clock.monotonic_s() + RETURN_S
        if day == self.spend.day:
            self.spend.learn(look, self._share(), keep_share=self._keeps_share())

    def _lose_touch(self) -> None:
        self._in_touch = False
        self._keeps_share_until_s = None

    def _keeps_share(self) -> bool:
        """Say whether others may still owe Redis what they spent while it was away."""
        until_s = self._keeps_share_until_s
        return until_s is None or self._clock.monotonic_s() < until_s

    def _own_ms(self) -> int:
        return int(self._clock.monotonic_s() * 1_000)
