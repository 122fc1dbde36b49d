"""What a call uses, whose it is, and how much of it is allowed."""

from typing import Final, Literal, NamedTuple

from agents.llm.prices import NANO_PER_USD, nano_of_usd

AMOUNT_MAX: Final = 1_000_000 * NANO_PER_USD
"""A million dollars, or as many tokens: more in one call is a lie of whoever counted.

Sums stay far below 2**53, up to which the numbers of Redis scripts are exact.
"""
EVERYTHING: Final = "all"

Measure = Literal["requests_per_minute", "tokens_per_minute", "usd_per_day"]


class Amount(NamedTuple):
    """What a call uses, or is expected to use at most."""

    requests: int
    tokens: int
    nano_usd: int

    def bounded(self) -> "Amount":
        """Return it with each number between 0 and `AMOUNT_MAX`: nobody's count refunds a limit."""
        return Amount(*(max(0, min(number, AMOUNT_MAX)) for number in self))

    def minus(self, other: "Amount") -> "Amount":
        return Amount(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Limits(NamedTuple):
    """How much is allowed; None is without limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    nano_usd_per_day: int | None = None

    @property
    def by_minute(self) -> bool:
        return self.requests_per_minute is not None or self.tokens_per_minute is not None


class Scope(NamedTuple):
    """Calls that share limits: all, those of a tenant, or those of one of its workflows."""

    name: str
    """`all`, `tenant/T` or `workflow/T/W`; T and W have no slash and no colon."""
    limits: Limits = Limits()


def limits_of(
    requests_per_minute: int | None, tokens_per_minute: int | None, usd_per_day: float | None
) -> Limits:
    """Return limits as settings and workflows write them."""
    nano_usd = None if usd_per_day is None else nano_of_usd(usd_per_day)
    return Limits(requests_per_minute, tokens_per_minute, nano_usd)


def scope_names(tenant: str, workflow_id: str) -> tuple[str, str, str]:
    """Return the names of the scopes of a call, the widest first."""
    return EVERYTHING, f"tenant/{tenant}", f"workflow/{tenant}/{workflow_id}"
