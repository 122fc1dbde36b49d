"""Laws of the circuit breaker: at most one probe, no lost probe, no memory of what was dealt with."""

import asyncio

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from agents.llm.breaker import FAILURES_MAX, OPEN_S, PROBE_S_MAX, Breaker, CircuitState, Pass


def opened(now_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        breaker.fail(ask(breaker, now_s), now_s)
    return breaker


def ask(breaker: Breaker, now_s: float) -> Pass:
    granted = breaker.ask(now_s)
    assert granted is not None
    return granted


def test_it_opens_at_the_last_of_five_consecutive_failures() -> None:
    breaker = Breaker()

    for _ in range(FAILURES_MAX - 1):
        breaker.fail(ask(breaker, 0.0), 0.0)
        assert breaker.state(0.0) is CircuitState.CLOSED
    breaker.fail(ask(breaker, 0.0), 0.0)

    assert breaker.state(0.0) is CircuitState.OPEN
    assert breaker.ask(0.0) is None
    assert breaker.retry_in_s(10.0) == OPEN_S - 10.0


def test_one_success_forgives_the_failures_before_it() -> None:
    breaker = Breaker()

    for _ in range(FAILURES_MAX * 3):
        breaker.fail(ask(breaker, 0.0), 0.0)
        breaker.succeed(ask(breaker, 0.0))

    assert breaker.state(0.0) is CircuitState.CLOSED


async def test_of_a_hundred_that_ask_at_once_one_may() -> None:
    breaker = opened()
    begin = asyncio.Event()

    async def try_to_ask() -> Pass | None:
        await begin.wait()
        granted = breaker.ask(OPEN_S)
        await asyncio.sleep(0)
        return granted

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(try_to_ask()) for _ in range(100)]
        begin.set()

    probes = [task.result() for task in tasks if task.result() is not None]
    assert len(probes) == 1
    assert breaker.ask(OPEN_S + 1) is None, "the probe is still on its way"


def test_a_probe_that_succeeds_lets_everybody_in() -> None:
    breaker = opened()

    breaker.succeed(ask(breaker, OPEN_S))

    assert breaker.state(OPEN_S) is CircuitState.CLOSED
    assert all(breaker.ask(OPEN_S) for _ in range(100))


def test_a_probe_that_fails_opens_for_another_whole_pause() -> None:
    breaker = opened()

    breaker.fail(ask(breaker, OPEN_S), OPEN_S + 4)

    assert breaker.state(OPEN_S * 2) is CircuitState.OPEN
    assert breaker.state(OPEN_S * 2 + 4) is CircuitState.HALF_OPEN


async def test_a_probe_that_is_cancelled_is_given_back() -> None:
    breaker = opened()

    async def probe() -> None:
        granted = ask(breaker, OPEN_S)
        try:
            await asyncio.Event().wait()
        finally:
            breaker.give_back(granted)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(probe())
        await asyncio.sleep(0)
        assert breaker.ask(OPEN_S) is None
        task.cancel()

    assert ask(breaker, OPEN_S).probe


def test_a_probe_that_never_returns_is_replaced_and_counts_no_more() -> None:
    breaker = opened()
    lost = ask(breaker, OPEN_S)
    assert breaker.ask(OPEN_S + PROBE_S_MAX - 1) is None

    second = ask(breaker, OPEN_S + PROBE_S_MAX)
    breaker.succeed(lost)

    assert breaker.state(OPEN_S + PROBE_S_MAX) is CircuitState.HALF_OPEN
    breaker.succeed(second)
    assert breaker.state(OPEN_S + PROBE_S_MAX) is CircuitState.CLOSED


@pytest.mark.parametrize("late_fails", [True, False])
def test_calls_from_before_it_opened_change_nothing(late_fails: bool) -> None:
    breaker = Breaker()
    late = [ask(breaker, 0.0) for _ in range(FAILURES_MAX * 2)]
    for granted in late[:FAILURES_MAX]:
        breaker.fail(granted, 0.0)

    for granted in late[FAILURES_MAX:]:
        if late_fails:
            breaker.fail(granted, OPEN_S - 1)
        else:
            breaker.succeed(granted)

    assert breaker.state(OPEN_S - 1) is CircuitState.OPEN
    assert breaker.state(OPEN_S) is CircuitState.HALF_OPEN


def test_the_same_end_told_twice_counts_once() -> None:
    breaker = Breaker()
    granted = ask(breaker, 0.0)

    for _ in range(FAILURES_MAX):
        breaker.fail(granted, 0.0)

    assert breaker.state(0.0) is CircuitState.CLOSED


class AnyHistory(RuleBasedStateMachine):
    """Any order of asking, ending and waiting, against the plain words of the rule."""

    passes: Bundle[Pass | None] = Bundle("passes")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(failures_max=3, open_s=10)
        self.now_s = 0.0
        self.failures_in_a_row = 0
        self.opened_s: float | None = None
        self.probes: list[Pass] = []

    @rule(target=passes)
    def ask(self) -> Pass | None:
        granted = self.breaker.ask(self.now_s)
        if self.opened_s is None:
            assert granted is not None
            assert not granted.probe
        elif self.now_s - self.opened_s < 10 or self.live_probes():
            assert granted is None
        else:
            assert granted is not None
            assert granted.probe
            self.probes.append(granted)
        return granted

    @rule(granted=consumes(passes), failed=st.booleans())
    def end(self, granted: Pass | None, failed: bool) -> None:
        if granted is None:
            return
        counts = self.is_current(granted)
        if failed:
            self.breaker.fail(granted, self.now_s)
        else:
            self.breaker.succeed(granted)
        if not counts:
            return
        if granted.probe:
            self.opened_s, self.failures_in_a_row = (self.now_s if failed else None), 0
        else:
            self.failures_in_a_row = self.failures_in_a_row + 1 if failed else 0
            if self.failures_in_a_row == 3:
                self.opened_s, self.failures_in_a_row = self.now_s, 0

    @rule(granted=consumes(passes))
    def give_back(self, granted: Pass | None) -> None:
        if granted is not None:
            self.breaker.give_back(granted)

    @rule(seconds=st.sampled_from([0.5, 5, 10, 61]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @invariant()
    def at_most_one_probe_is_on_its_way(self) -> None:
        assert len(self.live_probes()) <= 1

    @invariant()
    def it_is_open_when_the_rule_says_so(self) -> None:
        assert (self.breaker.state(self.now_s) is CircuitState.CLOSED) == (self.opened_s is None)

    def live_probes(self) -> list[Pass]:
        return [
            probe
            for probe in self.probes
            if not probe.ended and self.now_s - probe.asked_s < PROBE_S_MAX
        ]

    def is_current(self, granted: Pass) -> bool:
        if granted.probe:
            return bool(self.probes) and granted is self.probes[-1]
        return granted.era == self.breaker._era


TestAnyHistory = AnyHistory.TestCase
