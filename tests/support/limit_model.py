"""One copy that has every partition, step by step beside a list of calls and two sums."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from typing_extensions import override

from agents.llm.limits.amounts import AMOUNT_MAX, Amount, Limits, Scope
from agents.llm.limits.outcome import Refusal, Reservation
from agents.llm.limits.windows import SLOT_MS, SLOTS
from tests.support.limit_machine import mostly
from tests.support.llm_limits import WORKFLOWS, Fleet, scopes_with
from tests.support.services import make_name

ALL: Final = Limits(20, 900, 1_000)
TENANT: Final = Limits(None, 800, None)
WORKFLOW: Final = Limits(8, None, 500)
UNUSUAL: Final = st.sampled_from([-(2**70), -1, 0, AMOUNT_MAX, AMOUNT_MAX + 1, 2**70])
amounts = st.builds(
    Amount,
    st.sampled_from([1, 1, 1, 0, 3]),
    mostly(st.integers(0, 150), UNUSUAL),
    mostly(st.integers(0, 150), UNUSUAL),
)


@dataclass(eq=False)
class Counted:
    """A call as the model sees it."""

    reservation: Reservation
    scopes: tuple[Scope, ...]
    amount: Amount
    day: int
    slot: int


class OneCopyAndAList(RuleBasedStateMachine):
    """The law: a call is let through exactly when the list says that it fits."""

    redis_url: ClassVar[str | None] = None

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.fleet = Fleet(self.redis_url, f"judgify:test:{make_name('limits')}:", copies=1)
        self.runner.run(self.fleet.look_all())
        self.limiter = self.fleet.copies[0].limiter
        self.list: list[Counted] = []
        self.open: list[Counted] = []

    @rule(name=st.sampled_from(WORKFLOWS), amount=amounts)
    def reserve(self, name: str, amount: Amount) -> None:
        scopes = scopes_with(ALL, TENANT, WORKFLOW, name)
        expected = all(self.fits(scope, amount.bounded()) for scope in scopes)

        outcome = self.runner.run(self.limiter.reserve(scopes, amount))

        assert isinstance(outcome, Refusal) != expected, outcome
        if isinstance(outcome, Reservation):
            call = Counted(outcome, scopes, amount.bounded(), self.fleet.day, self.slot)
            self.list.append(call)
            self.open.append(call)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), used=amounts, times=st.integers(1, 2))
    def settle(self, data: st.DataObject, used: Amount, times: int) -> None:
        call = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        for _ in range(times):
            self.runner.run(self.limiter.settle(call.reservation, used))
        if self.fleet.day == call.day:
            call.amount = used.bounded()
        else:  # a day that is over binds nobody; nor does what is settled after it
            call.amount = self.minutes_after_midnight(call, used.bounded())

    @rule(seconds=st.one_of(st.floats(0, 5), st.sampled_from([30, 61, 62, 63])))
    def wait(self, seconds: float) -> None:
        self.runner.run(self.fleet.tick(seconds))

    @rule()
    def pass_midnight(self) -> None:
        self.runner.run(self.fleet.pass_midnight())

    @property
    def slot(self) -> int:
        return self.fleet.clock.wall_ms() // SLOT_MS

    def minutes_after_midnight(self, call: Counted, used: Amount) -> Amount:
        """Return what a call counts as that is settled on the day after."""
        return call.amount if self.redis_url else used

    def fits(self, scope: Scope, amount: Amount) -> bool:
        calls = [call for call in self.list if scope.name in {each.name for each in call.scopes}]
        recent = [call.amount for call in calls if call.slot >= self.slot - SLOTS]
        today = [call.amount.nano_usd for call in calls if call.day == self.fleet.day]
        sums = (
            (
                scope.limits.requests_per_minute,
                sum(each.requests for each in recent) + amount.requests,
            ),
            (scope.limits.tokens_per_minute, sum(each.tokens for each in recent) + amount.tokens),
            (scope.limits.nano_usd_per_day, sum(today) + amount.nano_usd),
        )
        return all(limit is None or total <= limit for limit, total in sums)

    @override
    def teardown(self) -> None:
        if hasattr(self, "fleet"):
            self.runner.run(self.fleet.close())
            self.runner.close()
