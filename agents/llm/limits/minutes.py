"""Requests and tokens of the last minute by scope, as one copy counts its own."""

from collections.abc import Sequence
from typing import Final

from agents.llm.limits.amounts import Amount, Measure, Scope
from agents.llm.limits.day import Share
from agents.llm.limits.outcome import Refusal, Reservation
from agents.llm.limits.windows import MinuteWindow, room_in_ms

_MEASURES: Final[tuple[Measure, Measure]] = ("requests_per_minute", "tokens_per_minute")


class OwnMinutes:
    """Windows on the monotonic clock, for when Redis cannot say what all copies used."""

    def __init__(self) -> None:
        self._windows: dict[str, MinuteWindow] = {}

    def refuse(self, scope: Scope, amount: Amount, share: Share, now_ms: int) -> Refusal | None:
        """Say why a call must wait; None: it need not."""
        window = self._windows.get(scope.name, MinuteWindow())
        totals = window.totals(now_ms)
        for column, measure in enumerate(_MEASURES):
            limit = scope.limits[column]
            if limit is None:
                continue
            mine = share.of(limit)
            if totals[column] + amount[column] > mine:
                room_ms = room_in_ms(window.used(column), amount[column], mine, now_ms)
                return Refusal(
                    scope.name,
                    measure,
                    mine,
                    totals[column],
                    amount[column],
                    room_ms,
                    local=True,
                )
        return None

    def add(self, scopes: Sequence[Scope], amount: Amount, now_ms: int) -> int:
        """Count a call; return the slot, for `correct`."""
        slot = 0
        for scope in scopes:
            if scope.limits.by_minute:
                window = self._windows.setdefault(scope.name, MinuteWindow())
                slot = window.add(amount.requests, amount.tokens, now_ms)
        return slot

    def correct(self, reservation: Reservation, difference: Amount) -> None:
        for scope in reservation.scopes:
            window = self._windows.get(scope.name)
            if window is not None:
                window.correct(reservation.slot, difference.requests, difference.tokens)

    def forget_old(self, now_ms: int) -> None:
        """Drop the windows of scopes that made no call in the last minute."""
        for name in [name for name, window in self._windows.items() if window.is_empty(now_ms)]:
            del self._windows[name]
