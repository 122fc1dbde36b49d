"""What counts as a standstill, and what does not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from math import inf

import pytest

from stream import watchdog
from stream.watchdog import EXIT_CODE, SLEPT_S, Limits, Vitals, Watchdog, find_standstill
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until

NOW_S = 1_000.0
LIMITS = Limits(loop_s=10, work_s=60, shutdown_s=10)


def look(
    *,
    loop: float = 0,
    completed: float = 0,
    work: bool = False,
    held: bool = False,
    stopping: float | None = None,
    awake: float = inf,
    begun: float | None = None,
) -> Vitals:
    """Return vitals in which each thing is that many seconds ago."""
    return Vitals(
        loop_turned_at_s=NOW_S - loop,
        completed_at_s=NOW_S - completed,
        has_work=work,
        is_held=held,
        stopping_since_s=None if stopping is None else NOW_S - stopping,
        watching_since_s=NOW_S - awake,
        oldest_begun_at_s=None if begun is None else NOW_S - begun,
    )


@pytest.mark.parametrize(
    ("vitals", "said"),
    [
        (look(loop=10), None),
        (look(loop=10.1), "the event loop has not turned for 10 s"),
        (look(work=True, completed=60), None),
        (look(work=True, completed=60.1), "work is in flight and nothing completed for 60 s"),
        (look(work=True, begun=60), None),
        (look(work=True, held=True, begun=60.1), "a record has been in work for 60 s"),
        (look(stopping=10), None),
        (look(stopping=10.1), "the shutdown takes longer than 10 s"),
    ],
)
def test_each_limit_is_kept_to_the_moment(vitals: Vitals, said: str | None) -> None:
    assert find_standstill(vitals, LIMITS, NOW_S) == said


def test_without_work_nothing_needs_to_complete() -> None:
    assert find_standstill(look(completed=3_600), LIMITS, NOW_S) is None


def test_work_that_a_dependency_holds_is_no_standstill() -> None:
    vitals = look(work=True, completed=3_600, held=True)

    assert find_standstill(vitals, LIMITS, NOW_S) is None


def test_a_blocked_loop_is_a_standstill_even_while_work_is_held() -> None:
    assert find_standstill(look(loop=11, work=True, held=True), LIMITS, NOW_S) is not None


@pytest.mark.parametrize(("awake", "stands"), [(0.0, False), (10.0, False), (10.1, True)])
def test_after_a_sleep_the_loop_has_its_time_anew(awake: float, stands: bool) -> None:
    found = find_standstill(look(loop=600, awake=awake), LIMITS, NOW_S)

    assert (found is not None) is stands


@pytest.mark.parametrize(("awake", "stands"), [(60.0, False), (60.1, True)])
def test_after_a_sleep_the_work_has_its_time_anew(awake: float, stands: bool) -> None:
    found = find_standstill(look(work=True, completed=600, awake=awake), LIMITS, NOW_S)

    assert (found is not None) is stands


class Patient:
    """A process that the watchdog looks at; counts how often."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.turned_at_s = self.clock.monotonic_s()
        self.looks = 0

    def look(self) -> Vitals:
        self.looks += 1
        return Vitals(self.turned_at_s, self.turned_at_s, False, False, None)

    def wait_for_looks(self, count: int) -> None:
        wanted = self.looks + count
        wait_until(lambda: self.looks >= wanted, what=f"{count} looks")


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the process ended with; it does not end."""
    told: list[str] = []
    monkeypatch.setattr(watchdog, "_end", told.append)
    monkeypatch.setattr(watchdog, "CHECK_INTERVAL_S", 0.002)
    return told


@pytest.fixture
def patient(ended: list[str]) -> Iterator[Patient]:
    patient = Patient()
    dog = Watchdog(patient.look, patient.clock, LIMITS)
    dog.start()
    patient.wait_for_looks(1)
    yield patient
    dog.stop()
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def advance_awake(patient: Patient, seconds: float) -> None:
    """Let time pass in steps that the watchdog sees."""
    for _ in range(int(seconds)):
        patient.clock.advance(1.0)
        patient.wait_for_looks(2)


def test_a_loop_that_turns_no_more_ends_the_process(patient: Patient, ended: list[str]) -> None:
    advance_awake(patient, 10)
    before = list(ended)
    advance_awake(patient, 2)

    assert before == []
    assert "event loop" in ended[0]


def test_a_process_that_slept_is_not_blamed_for_it(patient: Patient, ended: list[str]) -> None:
    patient.clock.advance(LIMITS.loop_s * 100)
    patient.wait_for_looks(3)
    after_sleep = list(ended)
    advance_awake(patient, LIMITS.loop_s + 1)

    assert LIMITS.loop_s > SLEPT_S
    assert after_sleep == []
    assert ended


def test_the_end_says_why_with_every_traceback() -> None:
    program = "from stream.watchdog import _end; _end('the loop sleeps'); print('alive')"

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert process.returncode == EXIT_CODE
    assert process.stdout == b""
    assert b"watchdog: the loop sleeps" in process.stderr
    assert b"most recent call first" in process.stderr
