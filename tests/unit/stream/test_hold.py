"""A dependency that is away holds the work: for ever, less and less often, and visibly."""

import asyncio
from collections.abc import Callable

import pytest

from runtime.metrics import REGISTRY
from schemas.errors import DependencyError, FatalError
from stream import hold
from stream.hold import BACKOFF_FIRST_S, BACKOFF_MAX_S, Progress
from stream.ledger import TopicPartition
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until_async


class Dependency:
    """Is away for so many attempts, then answers."""

    def __init__(self, away: int, name: str = "postgres") -> None:
        self.away = away
        self.name = name
        self.attempts = 0

    async def ask(self) -> str:
        self.attempts += 1
        if self.attempts <= self.away:
            raise DependencyError(self.name, f"refused {self.attempts}")
        return "answer"

    def is_up(self) -> float:
        return REGISTRY.get_sample_value("dependency_up", {"name": self.name}) or 0.0


class Waits:
    """Stands for `asyncio` in the seam: a sleep takes no time, and `look` is called in each."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.seconds: list[float] = []
        self.look: Callable[[], object] = list
        self.seen: list[object] = []

    current_task = staticmethod(asyncio.current_task)
    CancelledError = asyncio.CancelledError

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.seen.append(self.look())
        self._clock.advance(seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def progress(clock: FakeClock) -> Progress:
    return Progress(clock)


@pytest.fixture
def waits(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Waits:
    waits = Waits(clock)
    monkeypatch.setattr(hold, "asyncio", waits)
    return waits


async def test_what_works_at_once_is_never_held(progress: Progress, waits: Waits) -> None:
    answer = await progress.hold("t/0", Dependency(0).ask)

    assert answer == "answer"
    assert waits.seconds == []
    assert progress.held == {}


async def test_the_wait_doubles_up_to_its_bound_and_never_ends(
    progress: Progress, waits: Waits
) -> None:
    answer = await progress.hold("t/0", Dependency(12).ask)

    assert answer == "answer"
    assert waits.seconds[:3] == [BACKOFF_FIRST_S, BACKOFF_FIRST_S * 2, BACKOFF_FIRST_S * 4]
    assert waits.seconds[-4:] == [BACKOFF_MAX_S] * 4
    assert max(waits.seconds) == BACKOFF_MAX_S


async def test_a_new_hold_begins_with_the_first_wait(progress: Progress, waits: Waits) -> None:
    await progress.hold("t/0", Dependency(5).ask)
    waits.seconds.clear()

    await progress.hold("t/0", Dependency(1).ask)

    assert waits.seconds == [BACKOFF_FIRST_S]


async def test_everybody_sees_what_is_held_why_and_since_when(
    progress: Progress, waits: Waits, clock: FakeClock
) -> None:
    since_s = clock.monotonic_s()
    waits.look = lambda: progress.held["t/0"]

    await progress.hold("t/0", Dependency(3).ask)

    assert [held.since_s for held in waits.seen] == [since_s] * 3  # type: ignore[attr-defined]  # -- as looked at
    assert [held.reason for held in waits.seen] == ["refused 1", "refused 2", "refused 3"]  # type: ignore[attr-defined]  # -- as looked at
    assert progress.held == {}


async def test_the_gauge_of_a_dependency_is_down_exactly_while_it_is_away(
    progress: Progress, waits: Waits
) -> None:
    dependency = Dependency(2, "u-gauge")
    waits.look = dependency.is_up

    await progress.hold("t/0", dependency.ask)

    assert waits.seen == [0.0, 0.0]
    assert dependency.is_up() == 1.0


async def test_the_watchdogs_time_runs_anew_when_a_hold_ends(
    progress: Progress, waits: Waits, clock: FakeClock
) -> None:
    await progress.hold("t/0", Dependency(9).ask)

    assert progress.completed_at_s == clock.monotonic_s()


async def test_one_lane_that_is_held_holds_no_other(progress: Progress, waits: Waits) -> None:
    waits.look = lambda: sorted(progress.held)

    await progress.hold("t/0", Dependency(1).ask)
    await progress.hold("t/1", Dependency(1).ask)

    assert waits.seen == [["t/0"], ["t/1"]]


async def test_a_lane_that_several_hold_is_held_until_the_last_lets_go(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "BACKOFF_FIRST_S", 0.001)
    gate = asyncio.Event()
    tries = 0

    async def second() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise DependencyError("model", "away")
        await gate.wait()

    task = asyncio.create_task(progress.hold("t/0", second))
    await wait_until_async(lambda: tries == 3, what="the second to wait")
    await progress.hold("t/0", Dependency(2).ask)
    when_one_is_done = dict(progress.held)
    gate.set()
    await task

    assert list(when_one_is_done) == ["t/0"]
    assert progress.held == {}


@pytest.mark.parametrize("error", [FatalError("misconfigured"), KeyError("bug")])
async def test_what_time_cannot_heal_passes_through(
    progress: Progress, waits: Waits, error: Exception
) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await progress.hold("t/0", fail)
    assert waits.seconds == []


async def test_a_hold_that_is_cancelled_ends(progress: Progress) -> None:
    task = asyncio.ensure_future(progress.hold("t/0", Dependency(1_000).ask))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_lets_go_of_a_dependency_unheard_leaves_no_alarm_behind(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebalance ends what waits; nobody of this process would ever say that it is back."""
    dependency = Dependency(1_000, "u-cancelled")
    holds = [
        asyncio.ensure_future(progress.hold(lane, dependency.ask)) for lane in ("t/0", "t/1", "t/1")
    ]
    await wait_until_async(lambda: len(progress.held) == 2)
    up = []
    for task in holds:
        up.append(dependency.is_up())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert up == [0.0, 0.0, 0.0]
    assert (dependency.is_up(), progress.held) == (1.0, {})


async def test_what_is_tried_again_does_not_wait(progress: Progress) -> None:
    """Nor does what others do in the same lane, as where many records are answered at a time."""
    place, gate = TopicPartition("t", 0), asyncio.Event()
    seen: list[bool] = []

    async def try_twice() -> None:
        seen.append(progress.waits(place))
        if len(seen) == 1:
            raise DependencyError("model", "away")
        await gate.wait()

    task = asyncio.ensure_future(progress.hold(place.lane, try_twice))
    await wait_until_async(lambda: place.lane in progress.held)
    with progress.work(place.lane):
        seen.append(progress.waits(place))
    waits = progress.waits(place)
    await wait_until_async(lambda: len(seen) == 3, what="the second try")
    gate.set()
    await task

    assert waits
    assert seen == [False, False, False]
    assert not progress.waits(place)


async def test_a_cancellation_that_became_an_error_on_its_way_is_a_cancellation() -> None:
    """A driver that rolls back over a dead connection ends a cancelled task with its own error."""

    async def roll_back() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DependencyError("postgres", "no answer to ROLLBACK") from None

    task = asyncio.get_running_loop().create_task(Progress(FakeClock()).hold("lane", roll_back))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
