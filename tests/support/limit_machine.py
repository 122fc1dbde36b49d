"""Any history of three copies under limits: the law of money, step by step."""

import asyncio
import random
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from agents.llm.limits.amounts import AMOUNT_MAX, Limits, Scope
from tests.support.llm_limits import (
    PARTITIONS,
    WORKFLOWS,
    Fleet,
    scopes_with,
    usd_only,
)
from tests.support.services import make_name

EVERYTHING = 1_000
TENANT = 800
WORKFLOW = 500
LIMITS = {"all": EVERYTHING, "tenant/default": TENANT}
LIMITS |= {f"workflow/default/{name}": WORKFLOW for name in WORKFLOWS}


def mostly(usual: SearchStrategy[int], seldom: SearchStrategy[int]) -> SearchStrategy[int]:
    """Draw one in ten from `seldom`: what ends a history early would hide everything after it."""
    return st.integers(0, 9).flatmap(lambda number: seldom if number == 9 else usual)


amounts = mostly(
    st.integers(0, 200), st.sampled_from([-100, 0, 1, 499, 500, 501, 1_000, AMOUNT_MAX, 2**70])
)


class SpendingCopies(RuleBasedStateMachine):
    """The law: spent and expected together exceed a limit by no more than calls in flight took
    beyond their estimates, and by what a killed copy had in flight.
    """

    redis_url: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.random = random.Random(0)

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.random.seed(seed)
        self.fleet = Fleet(self.redis_url, f"judgify:test:{make_name('limits')}:")
        self.runner.run(self.fleet.look_all())

    @rule(copy=st.integers(0, 2), name=st.sampled_from(WORKFLOWS), nano_usd=amounts)
    def reserve(self, copy: int, name: str, nano_usd: int) -> None:
        self.runner.run(
            self.fleet.reserve(self.fleet.copies[copy], self.scopes(name), usd_only(nano_usd))
        )

    @precondition(lambda self: any(copy.in_flight for copy in self.fleet.copies))
    @rule(data=st.data(), nano_usd=amounts, times=st.integers(1, 2))
    def settle(self, data: st.DataObject, nano_usd: int, times: int) -> None:
        copy = data.draw(st.sampled_from([copy for copy in self.fleet.copies if copy.in_flight]))
        call = data.draw(st.sampled_from(copy.in_flight))
        self.runner.run(self.fleet.settle(copy, call, nano_usd))
        for _ in range(times - 1):
            self.runner.run(copy.limiter.settle(call.reservation, usd_only(0)))

    @rule(copy=st.integers(0, 2))
    def kill(self, copy: int) -> None:
        self.runner.run(self.fleet.kill(self.fleet.copies[copy]))
        self.tick(1)

    @rule()
    def rebalance(self) -> None:
        """Deal the partitions anew; a copy may be left without any."""
        owners = [self.random.randrange(3) for _ in range(PARTITIONS)]
        for number, copy in enumerate(self.fleet.copies):
            copy.partitions = frozenset(p for p, owner in enumerate(owners) if owner == number)
        self.tick(1)

    @rule(seconds=st.integers(1, 5))
    def tick(self, seconds: int) -> None:
        self.random.shuffle(self.fleet.copies)
        for _ in range(seconds):
            self.runner.run(self.fleet.tick())

    @rule()
    def pass_midnight(self) -> None:
        self.runner.run(self.fleet.pass_midnight())

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        if not hasattr(self, "fleet"):
            return
        for day in {call.day for call in self.fleet.calls}:
            for scope, limit in LIMITS.items():
                spent = self.fleet.spent(scope, day)
                slack = self.fleet.slack(scope, day)
                assert spent <= limit + slack, f"{scope}: {spent} of {limit} with {slack} to spare"

    def scopes(self, name: str) -> tuple[Scope, ...]:
        return scopes_with(
            Limits(nano_usd_per_day=EVERYTHING),
            Limits(nano_usd_per_day=TENANT),
            Limits(nano_usd_per_day=WORKFLOW),
            name,
        )

    @override
    def teardown(self) -> None:
        if hasattr(self, "fleet"):
            self.runner.run(self.fleet.close())
        self.runner.close()


def check_histories(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Assert the law in so many histories of so many steps."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps)
    )
