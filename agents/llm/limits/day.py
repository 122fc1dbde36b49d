"""The money of a day of UTC as one copy knows it: spent by all at its last look, by itself since.

Pure. The last look was at Redis, which all copies share, or at the results topic. Where Redis is
away, a copy may spend its share of what was left then; what it spends is owed to Redis, which is
told when it returns.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from agents.llm.limits.amounts import Scope
from agents.llm.limits.outcome import Refusal, day_ends_in_ms, day_of

ATTENTION_MS: Final = 10_000
"""A copy that last looked at its clock so long before midnight or less, saw the day begin."""


class Share(NamedTuple):
    """The partitions of a copy, as a part of all."""

    own: frozenset[int]
    all: int

    def of(self, number: int) -> int:
        """Return this share of `number`, rounded down; 0 without partitions."""
        return max(0, number) * len(self.own) // self.all if self.all > 0 else 0


class Debt(NamedTuple):
    """What Redis has not been told, under a name by which it adds it once."""

    id: str
    amounts: Mapping[str, int]


class Look(NamedTuple):
    """What Redis says of a day."""

    generation: str
    """Made anew whenever Redis has forgotten the day."""
    whole: bool
    """Whether the totals hold all that was spent; else the results must be counted."""
    totals: Mapping[str, int]
    told: str
    """The id of the debt that these totals hold; empty for none."""


class CountMark(NamedTuple):
    """What this copy knew when somebody began to count the results."""

    day: int
    looks: int
    settled: Mapping[str, int]
    """Of what it had spent since its last look: what the results may already hold."""


class DaySpend:
    """Nano-dollars by scope, of one day at a time."""

    def __init__(self, now_ms: int) -> None:
        self._begin(day_of(now_ms), whole=False, share=None)
        self._attended_ms = now_ms
        self._looks = 0

    def _begin(self, day: int, *, whole: bool, share: Share | None) -> None:
        self.day = day
        self.generation = ""
        """Of Redis's count, as of the last look; empty before one."""
        self.whole = whole
        """Whether `seen` and `since` are all that was spent, by anybody, up to the last look."""
        self.seen: dict[str, int] = {}
        self.since: Counter[str] = Counter()
        """Spent by this copy, and not in `seen`."""
        self.untold: Counter[str] = Counter()
        """Of `since`, what no debt names yet."""
        self.asked: Counter[str] = Counter()
        """What Redis has been asked for and has not answered: it may be counted there by now."""
        self._open: Counter[str] = Counter()
        self._debt: Debt | None = None
        self._share = share

    def attend(self, now_ms: int, share: Share) -> None:
        """Notice the time, and a new day when there is one. Call often."""
        day = day_of(now_ms)
        if day != self.day:
            saw_it_begin = now_ms - self._attended_ms <= ATTENTION_MS and day == self.day + 1
            # A clock that is set back happens once, at the start, before the broker told the time.
            carried = self.since if day < self.day else Counter[str]()
            self._begin(day, whole=saw_it_begin, share=share)
            self.since, self.untold = carried, carried.copy()
            self._looks += 1
        self._attended_ms = now_ms

    def refuse(self, scope: Scope, nano_usd: int, share: Share, now_ms: int) -> Refusal | None:
        """Say why `nano_usd` may not be spent without asking Redis; None: it may."""
        limit = scope.limits.nano_usd_per_day
        if limit is None:
            return None
        mine = share.of(limit - self.seen.get(scope.name, 0))
        spent = self.since[scope.name] + self.asked[scope.name]
        uncounted = self.needs_count(share)
        if not uncounted and spent + nano_usd <= mine:
            return None
        return Refusal(
            scope=scope.name,
            measure="usd_per_day",
            limit=mine,
            used=spent,
            needed=nano_usd,
            room_in_ms=None if uncounted else day_ends_in_ms(now_ms),
            local=True,
            uncounted=uncounted,
        )

    def needs_count(self, share: Share) -> bool:
        """Say whether a share is unknown until the results are counted.

        After a change of partitions too: their former owner may have spent on them.
        """
        return not self.whole or share != self._share

    @contextmanager
    def asking(self, scopes: Sequence[Scope], nano_usd: int) -> Iterator[None]:
        """Count what Redis is asked for as spent, until it has answered."""
        asked = self.asked
        for scope in scopes:
            asked[scope.name] += nano_usd
        try:
            yield
        finally:
            for scope in scopes:
                asked[scope.name] -= nano_usd

    def spend(self, scopes: Iterable[Scope], nano_usd: int) -> None:
        """Count a reservation that Redis does not know."""
        for scope in scopes:
            self.since[scope.name] += nano_usd
            self.untold[scope.name] += nano_usd
            self._open[scope.name] += nano_usd

    def total(self, scope: str) -> int:
        """Return what was spent today, as far as this copy knows."""
        return self.seen.get(scope, 0) + self.since[scope]

    def close(self, scopes: Iterable[Scope], reserved: int) -> None:
        """Learn that a reservation of `spend` is settled."""
        for scope in scopes:
            self._open[scope.name] -= reserved

    def correct(self, scopes: Iterable[Scope], difference: int) -> None:
        """Count what a call cost beyond, or below, what was reserved and counted."""
        for scope in scopes:
            self.since[scope.name] += difference
            self.untold[scope.name] += difference

    def debt(self) -> Debt | None:
        """Return what Redis must be told; the same until it is known that it was."""
        amounts = {scope: nano for scope, nano in self.untold.items() if nano}
        if self._debt is None and amounts:
            self._debt = Debt(secrets.token_hex(8), amounts)
            self.untold = Counter()
        return self._debt

    def told(self) -> dict[str, int]:
        """Return what Redis must know already, so that it can be told again if it has forgotten."""
        owed = self._debt.amounts if self._debt else {}
        return {
            name: self.seen.get(name, 0) + self.since[name] - self.untold[name] - owed.get(name, 0)
            for name in {*self.seen, *self.since}
        }

    def learn(self, look: Look, share: Share, *, keep_share: bool = False) -> None:
        """Take what Redis answered when it was told `debt`.

        `keep_share`: others may still owe what they spent, so the share of what was left at the
        last look stays the limit.
        """
        self.generation = look.generation
        self._looks += 1
        if self._debt is not None and self._debt.id == look.told:
            self._debt = None
        if not keep_share:
            self.whole = look.whole
            self.seen = dict(look.totals)
            self.since = self.untold.copy()
            self._share = share

    def note(self, totals: Mapping[str, int], share: Share) -> None:
        """Take what Redis says of some scopes."""
        self.seen.update(totals)
        self._share = share

    def begin_count(self) -> CountMark:
        """Return what to give to `count`, before the results are read."""
        settled = {
            name: max(0, nano_usd - self._open[name]) for name, nano_usd in self.since.items()
        }
        return CountMark(self.day, self._looks, settled)

    def count(self, mark: CountMark, totals: Mapping[str, int], share: Share) -> bool:
        """Take the sums of today's results; False: the day has changed meanwhile, count again."""
        if mark.day != self.day:
            return False
        if mark.looks == self._looks:
            left = {
                name: max(0, nano_usd - mark.settled.get(name, 0))
                for name, nano_usd in self.since.items()
            }
            self.since, self.untold = Counter(left), Counter(left)
            self._debt = None
            self.seen = dict(totals)
        else:  # Redis has answered meanwhile: neither count may be forgotten
            names = set(self.seen) | set(totals)
            self.seen = {name: max(self.seen.get(name, 0), totals.get(name, 0)) for name in names}
        self.whole = True
        self.generation = ""  # whatever Redis has: it takes the larger of both at the next look
        self._share = share
        self._looks += 1
        return True
