"""Waiting for an activation: as long as its delay, by no clock that may be wrong."""

import pytest

from judgify.cli.activating import Activated, say_activated, wait_in_force
from tests.support.clock import FakeClock


def make_activated(clock: FakeClock, **fields: int) -> Activated:
    defaults = {"from_ms": 1_750_000_002_000, "apart_ms": 5, "delay_ms": 2_000}
    return Activated(**(defaults | fields), acknowledged_s=clock.monotonic_s())


class LazySleeper:
    """Sleeps half as long as it is asked to the first time, as a signal may have it."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.asked_s: list[float] = []

    def __call__(self, seconds: float) -> None:
        self._clock.advance(seconds if self.asked_s else seconds / 2)
        self.asked_s.append(seconds)


def test_it_waits_the_whole_delay_from_the_acknowledgement_on() -> None:
    clock = FakeClock()
    activated = make_activated(clock)
    clock.advance(0.5)
    sleeper = LazySleeper(clock)

    wait_in_force(activated, clock, sleeper)

    assert sleeper.asked_s == [pytest.approx(1.5), pytest.approx(0.75)]


def test_a_wall_clock_that_was_set_does_not_shorten_the_wait() -> None:
    clock = FakeClock()
    activated = make_activated(clock)
    clock.set_wall_ms(2**45)
    sleeper = LazySleeper(clock)

    wait_in_force(activated, clock, sleeper)

    assert sleeper.asked_s[0] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("apart_ms", "delay_ms", "warned"),
    [
        (999, 2_000, False),
        (1_000, 2_000, True),
        (-1_000, 2_000, True),
        (8_999, 10_000, False),
        (9_000, 10_000, True),
    ],
)
def test_a_margin_that_is_too_small_is_told(
    capsys: pytest.CaptureFixture[str], apart_ms: int, delay_ms: int, *, warned: bool
) -> None:
    activated = make_activated(FakeClock(), apart_ms=apart_ms, delay_ms=delay_ms)

    say_activated(activated, "milling@1 in force", waits=False)

    told = capsys.readouterr()
    assert ("check clocks" in told.err) is warned
    assert "milling@1 in force from 2025-06-15T15:06:42.000Z on" in told.out
