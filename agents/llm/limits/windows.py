"""The last minute, in slots of two seconds: no span of 60 s ever holds more than its limit.

A slot counts until its youngest moment is over 60 s ago, so a limit that is used to the full
replenishes up to 2 s late. (Two fixed minutes, weighted, would let up to twice the limit through.)
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

SLOT_MS: Final = 2_000
WINDOW_MS: Final = 60_000
SLOTS: Final = WINDOW_MS // SLOT_MS
"""Slots before the present one that count."""


def slot_of(now_ms: int) -> int:
    return now_ms // SLOT_MS


def first_slot(now_ms: int) -> int:
    """Return the oldest slot that counts now."""
    return slot_of(now_ms) - SLOTS


def room_in_ms(used: Iterable[tuple[int, int]], needed: int, limit: int, now_ms: int) -> int | None:
    """Return in how many ms `needed` fits below `limit` again, if nothing else comes.

    None: never, it is more than the limit. `used` are slots and what was used in each.
    """
    if needed > limit:
        return None
    slots = sorted(used)
    left = sum(amount for _, amount in slots)
    room_ms = now_ms
    for slot, amount in slots:
        if left + needed <= limit:
            break
        left -= amount
        room_ms = (slot + SLOTS + 1) * SLOT_MS
    return max(0, room_ms - now_ms)


class MinuteWindow:
    """Requests and tokens of the last minute; the caller's clock never goes back."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int, int]] = deque()

    def totals(self, now_ms: int) -> tuple[int, int]:
        """Return the requests and tokens that count now."""
        self._drop(now_ms)
        return sum(slot[1] for slot in self._slots), sum(slot[2] for slot in self._slots)

    def add(self, requests: int, tokens: int, now_ms: int) -> int:
        """Count something now; return the slot, for `correct`."""
        self._drop(now_ms)
        now = slot_of(now_ms)
        if self._slots and self._slots[-1][0] == now:
            _, before_requests, before_tokens = self._slots.pop()
            requests, tokens = requests + before_requests, tokens + before_tokens
        self._slots.append((now, requests, tokens))
        return now

    def correct(self, slot: int, requests: int, tokens: int) -> None:
        """Change what was counted in `slot`, never below 0; when it has left, nothing changes."""
        for place, (at, had_requests, had_tokens) in enumerate(self._slots):
            if at == slot:
                changed = (max(0, had_requests + requests), max(0, had_tokens + tokens))
                self._slots[place] = (at, *changed)
                return

    def used(self, column: int) -> list[tuple[int, int]]:
        """Return the slots with their requests (`column` 0) or tokens (1), for `room_in_ms`."""
        return [(slot[0], slot[1 + column]) for slot in self._slots]

    def is_empty(self, now_ms: int) -> bool:
        self._drop(now_ms)
        return not self._slots

    def _drop(self, now_ms: int) -> None:
        oldest = first_slot(now_ms)
        while self._slots and self._slots[0][0] < oldest:
            self._slots.popleft()
