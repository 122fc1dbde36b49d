"""What becomes of asking for a call: a reservation, or a refusal that says when to come again."""

from dataclasses import dataclass
from typing import Final

from agents.llm.limits.amounts import EVERYTHING, Amount, Measure, Scope
from agents.llm.prices import usd_of_nano

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
_WORDS: Final[dict[Measure, str]] = {
    "requests_per_minute": "requests per minute",
    "tokens_per_minute": "tokens per minute",
    "usd_per_day": "US dollars per day",
}


@dataclass(slots=True, eq=False)
class Reservation:
    """So much counts as used from now on; settling corrects it once."""

    scopes: tuple[Scope, ...]
    amount: Amount
    day: int
    """Days since the epoch, by the broker's clock."""
    shared_ms: int | None
    """Broker time at which Redis counted it; None when only we did."""
    slot: int
    """Of our own windows."""
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call: a limit would be exceeded."""

    scope: str
    measure: Measure
    limit: int
    """Requests, tokens or nano-dollars; of this copy alone when `local`."""
    used: int
    needed: int
    room_in_ms: int | None
    """When there is room again, if nobody else comes first; None: never, or not foreseeable."""
    local: bool
    """True: decided without Redis, against this copy's share."""
    uncounted: bool = False
    """True: what today's calls have cost is not known yet, so none is made."""

    @property
    def reason(self) -> str:
        """Say it in words for people."""
        whose = "all calls" if self.scope == EVERYTHING else self.scope.replace("/", " ", 1)
        name = f"{_WORDS[self.measure]} of {whose}"
        if self.uncounted:
            return f"{name}: what today's calls have cost is still being counted"
        share = " for this copy's share" if self.local else ""
        have = f"{self._show(self.used)} of {self._show(self.limit)} used{share}"
        return f"{name}: {have}, {self._show(self.needed)} needed; {self._when()}"

    def _show(self, number: int) -> str:
        return f"{usd_of_nano(number):.4f}" if self.measure == "usd_per_day" else f"{number:,}"

    def _when(self) -> str:
        if self.needed > self.limit:
            return "one call needs more than is allowed: raise the limit, or ask for less"
        if self.room_in_ms is None:
            return "no room is foreseeable"
        return f"room again in {-(-self.room_in_ms // 1_000)} s"


def day_of(broker_ms: int) -> int:
    return broker_ms // DAY_MS


def day_ends_in_ms(broker_ms: int) -> int:
    return DAY_MS - broker_ms % DAY_MS
