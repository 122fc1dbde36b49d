"""Restarts: who ends is started again, later each time, and it is known how often and why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from judgify.stack import restarts
from judgify.stack.restarts import Tended
from judgify.stack.service import Service
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until
from tests.unit.stack.programs import Example

FOREVER = "import time\nwhile True: time.sleep(1)"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tended(tmp_path: Path, clock: FakeClock) -> Iterator[Tended]:
    service = Service(Example(tmp_path, FOREVER))
    each = Tended(service, clock)
    each.launch()
    yield each
    service.kill()


def end(tended: Tended) -> None:
    tended.service.kill()
    wait_until(lambda: not tended.service.is_alive, what="the process to end")


def measure_backoff(tended: Tended, clock: FakeClock) -> float:
    """Let it end, and return after how long it is started again."""
    end(tended)
    assert tended.tend()
    waited_s = 0.0
    while not tended.tend():
        clock.advance(0.25)
        waited_s += 0.25
    assert tended.service.is_alive
    return waited_s


def test_who_lives_is_left_alone(tended: Tended) -> None:
    assert not tended.tend()
    assert tended.state().restarts_total == 0


def test_who_ends_again_and_again_is_started_later_each_time_up_to_a_limit(
    tended: Tended, clock: FakeClock
) -> None:
    waited_s = [measure_backoff(tended, clock) for _ in range(8)]

    assert waited_s == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert tended.state().restarts_total == 8


def test_who_lived_long_begins_again_at_the_first_backoff(tended: Tended, clock: FakeClock) -> None:
    measure_backoff(tended, clock)
    measure_backoff(tended, clock)
    clock.advance(restarts.STEADY_AFTER_S)

    assert measure_backoff(tended, clock) == restarts.BACKOFF_FIRST_S


def test_the_state_says_why_it_ended_and_that_it_is_away(tended: Tended) -> None:
    before = tended.state()
    end(tended)
    tended.tend()

    state = tended.state()
    assert before.pid is not None
    assert before.created_s is not None
    assert (state.pid, state.last_exit) == (None, "killed by SIGKILL")
