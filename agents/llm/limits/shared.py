"""The count that all copies share, in Redis: each step is one script, so it happens whole or not.

Keys are `judgify:llm:{limits}:…` and expire by themselves. A number of Redis that a script sees is
exact up to 2**53; money is in nano-dollars, so that is nine million dollars a day.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

from redis.commands.core import AsyncScript

from agents.llm.limits.amounts import Amount, Limits, Scope
from agents.llm.limits.day import DaySpend, Look
from agents.llm.limits.outcome import MINUTE_MS, Refusal, Reservation, day_ends_in_ms
from agents.llm.limits.windows import SLOT_MS, first_slot, room_in_ms, slot_of
from runtime.redis_link import RedisAway, RedisLink, text_of

KEYS: Final = "judgify:llm:"
DAY_LIFE_S: Final = 2 * 86_400
MINUTE_LIFE_S: Final = 180
"""A slot counts for a little over two minutes after its minute began."""
_UNLIMITED: Final = ""

Unready: TypeAlias = Literal["unsynced"]
"""Redis has a count of the day that we do not know yet: sync, and ask again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Done; `totals` is what each scope has spent today, nano-dollars."""

    totals: dict[str, int]


class SharedCount:
    """Reservations in Redis. Every method may raise `RedisAway`; then what it did is open."""

    def __init__(self, link: RedisLink, prefix: str = KEYS) -> None:
        """Count below `prefix`: processes with the same one share their limits."""
        self._link = link
        self._prefix = prefix + "{limits}:"  # one place in a cluster, so that scripts may join them
        self._scripts: dict[str, AsyncScript] = {}

    @property
    def used(self) -> bool:
        """Whether there is a Redis that may be asked."""
        return self._link.used

    async def reserve(
        self, spend: DaySpend, scopes: Sequence[Scope], amount: Amount, now_ms: int
    ) -> Counted | Refusal | Unready:
        keys, limits = [self._day(spend.day)], list[str | int]()
        for scope in scopes:
            keys += self._minutes(scope, now_ms)
            limits += [scope.name, *_numbers(scope.limits)]
        slots = (slot_of(now_ms), first_slot(now_ms))
        lives = (DAY_LIFE_S, MINUTE_LIFE_S)
        args = [spend.generation, *amount, *slots, *lives, *limits]
        answer = await self._run("reserve", keys, args)
        match text_of(answer[0]):
            case "unsynced":
                return "unsynced"
            case "counted":
                return Counted(_totals(scopes, answer))
            case _:
                return _refusal(scopes, amount, answer, now_ms)

    async def settle(
        self, spend: DaySpend, reservation: Reservation, difference: Amount
    ) -> Counted | Unready:
        """Correct a reservation of the present day that Redis knows."""
        keys, slot = [self._day(spend.day)], 0
        if reservation.shared_ms is not None:
            slot = slot_of(reservation.shared_ms)
            for scope in reservation.scopes:
                keys += self._minutes(scope, reservation.shared_ms)[:1]
        names = [scope.name for scope in reservation.scopes]
        answer = await self._run("settle", keys, [spend.generation, *difference, slot, *names])
        if text_of(answer[0]) == "unsynced":
            return "unsynced"
        return Counted(_totals(reservation.scopes, answer))

    async def sync(self, spend: DaySpend) -> Look:
        """Tell what this copy has seen and owes, and return what Redis makes of it."""
        debt = spend.debt()  # first: what it names is not told yet
        owed = [] if debt is None else [item for pair in debt.amounts.items() for item in pair]
        seen = [item for pair in spend.told().items() for item in pair]
        args = [
            spend.generation,
            secrets.token_hex(8),
            DAY_LIFE_S,
            int(spend.whole),
            "" if debt is None else debt.id,
            len(owed) // 2,
            *owed,
            *seen,
        ]
        flat = await self._run("sync", [self._day(spend.day)], args)
        told = "" if debt is None else debt.id
        try:
            return _look(flat, told)
        except (ValueError, KeyError) as error:
            raise RedisAway("holds something else under our keys", asked=True) from error

    async def _run(self, name: str, keys: list[str], args: Sequence[str | int]) -> list[Any]:
        async def run(client: Any) -> Any:
            script = self._scripts.get(name)
            if script is None:
                text = (files("agents.llm.limits") / f"{name}.lua").read_text(encoding="utf-8")
                script = self._scripts[name] = client.register_script(text)
            return await script(keys, args)

        answer = await self._link.ask(run)
        if not isinstance(answer, list) or not answer:
            raise RedisAway(f"answers {name} with {type(answer).__name__}", asked=True)
        return answer

    def _day(self, day: int) -> str:
        return f"{self._prefix}day:{day}"

    def _minutes(self, scope: Scope, now_ms: int) -> list[str]:
        if not scope.limits.by_minute:
            return []
        # A slot never lies in two minutes: 60 s are 30 slots.
        minute = slot_of(now_ms) * SLOT_MS // MINUTE_MS
        return [f"{self._prefix}minute:{at}:{scope.name}" for at in (minute, minute - 1)]


def _look(flat: Sequence[Any], told: str) -> Look:
    """Return what the hash of a day says; raises ValueError or KeyError when it is not ours."""
    fields = dict(zip(map(text_of, flat[::2]), flat[1::2], strict=True))
    totals = {name: int(value) for name, value in fields.items() if not name.startswith("#")}
    return Look(text_of(fields["#generation"]), "#whole" in fields, totals, told)


def _numbers(limits: Limits) -> list[str | int]:
    """Return the limits in the order in which the script reads them."""
    ordered = (limits.nano_usd_per_day, limits.requests_per_minute, limits.tokens_per_minute)
    return [_UNLIMITED if limit is None else limit for limit in ordered]


def _totals(scopes: Sequence[Scope], answer: Sequence[Any]) -> dict[str, int]:
    return {scope.name: int(total) for scope, total in zip(scopes, answer[1:], strict=True)}


def _refusal(
    scopes: Sequence[Scope], amount: Amount, answer: Sequence[Any], now_ms: int
) -> Refusal:
    scope = scopes[int(answer[1]) - 1]
    if text_of(answer[0]) == "uncounted":
        limit = scope.limits.nano_usd_per_day or 0
        return Refusal(
            scope.name, "usd_per_day", limit, 0, amount.nano_usd, None, local=False, uncounted=True
        )
    used, limit = int(answer[3]), int(answer[4])
    match text_of(answer[2]):
        case "requests_per_minute":
            needed = amount.requests
            room_ms = room_in_ms(_slots(answer), needed, limit, now_ms)
            return Refusal(
                scope.name, "requests_per_minute", limit, used, needed, room_ms, local=False
            )
        case "tokens_per_minute":
            needed = amount.tokens
            room_ms = room_in_ms(_slots(answer), needed, limit, now_ms)
            return Refusal(
                scope.name, "tokens_per_minute", limit, used, needed, room_ms, local=False
            )
        case _:
            room_ms = None if amount.nano_usd > limit else day_ends_in_ms(now_ms)
            return Refusal(
                scope.name, "usd_per_day", limit, used, amount.nano_usd, room_ms, local=False
            )


def _slots(answer: Sequence[Any]) -> list[tuple[int, int]]:
    numbers = [int(number) for number in answer[5:]]
    return list(zip(numbers[::2], numbers[1::2], strict=True))
