"""Holding: work that a dependency stops is tried again for ever, and everybody can see why.

The kinds of error are decided here and in stream/shapes/: bury, hold or stop, nowhere else.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.metrics import DEPENDENCY_UP
from schemas.errors import DependencyError
from stream.ledger import TopicPartition

BACKOFF_FIRST_S: Final = 0.05
BACKOFF_MAX_S: Final = 5.0

T = TypeVar("T")
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """What is waited for, and since when (monotonic seconds)."""

    dependency: str
    reason: str
    since_s: float


class Culprit(NamedTuple):
    """A record that ends every process that works on it: it is not handed out any more."""

    offset: int
    timestamp_ms: int
    since_s: float


class Progress:
    """When work last completed and what is held: what the watchdog and `/status` look at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.completed_at_s = clock.monotonic_s()
        """When something last completed, or when work was last handed to an idle process."""
        self.held: dict[str, Held] = {}
        """What is held, by lane: `topic/partition` of a map, `topic` of a sink; starts have names
        of their own."""

        self.culprits: dict[str, Culprit] = {}
        """Records that are held because they end the process, by `topic/partition`."""
        self._holders: Counter[str] = Counter()
        self._at_work: Counter[str] = Counter()
        """By lane: what is tried again after it was held, and what else is answered there."""
        self._begun_at_s: dict[object, float] = {}

    def note_completed(self) -> None:
        self.completed_at_s = self._clock.monotonic_s()

    def accuse(self, offset: int, timestamp_ms: int) -> Culprit:
        """Return the record as a culprit, held from now on."""
        return Culprit(offset, timestamp_ms, self._clock.monotonic_s())

    @contextmanager
    def work(self, lane: str) -> Iterator[None]:
        """Mark what runs inside as one piece of work, for those that have many at a time."""
        token = object()
        self._begun_at_s[token] = self._clock.monotonic_s()
        self._at_work[lane] += 1
        try:
            yield
        finally:
            del self._begun_at_s[token]
            self._at_work[lane] -= 1

    def holds(self, tp: TopicPartition) -> bool:
        """Return whether a dependency stops the work on `tp`."""
        return tp.lane in self.held or tp.topic in self.held

    def waits(self, tp: TopicPartition) -> bool:
        """Return whether it does, and nothing of that work runs at this moment."""
        return self.holds(tp) and not (self._at_work[tp.lane] or self._at_work[tp.topic])

    def oldest_begun_at_s(self) -> float | None:
        """Return when the oldest piece of work that still runs began; from any thread."""
        return min(list(self._begun_at_s.values()), default=None)

    async def hold(self, lane: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what `attempt` returns, however often a dependency makes it fail first.

        FatalError and bugs pass through; so does cancellation. Where several hold one lane, it is
        held until the last of them lets go.
        """
        backoff_s = BACKOFF_FIRST_S
        holding = False
        try:
            while True:
                try:
                    result = await self._try(lane, attempt, again=holding)
                except DependencyError as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        # On its way out the cancellation became an error of the dependency.
                        raise asyncio.CancelledError from error
                    self._holders[lane] += not holding
                    holding = True
                    self._note_held(lane, error)
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
                else:
                    if holding and self._holders[lane] == 1:
                        self._note_released(lane)
                    return result
        finally:
            if holding:
                self._holders[lane] -= 1
                if not self._holders[lane]:
                    del self._holders[lane]
                    self.let_go(lane)

    async def _try(self, lane: str, attempt: Callable[[], Awaitable[T]], *, again: bool) -> T:
        self._at_work[lane] += again
        try:
            return await attempt()
        finally:
            self._at_work[lane] -= again

    def let_go(self, lane: str) -> None:
        """Nobody holds `lane` any more, whatever became of it: nobody waits for the dependency."""
        if (held := self.held.pop(lane, None)) is not None:
            self._note_up(held.dependency)

    def _note_held(self, lane: str, error: DependencyError) -> None:
        before = self.held.get(lane)
        since_s = before.since_s if before else self._clock.monotonic_s()
        self.held[lane] = Held(error.dependency, error.reason, since_s)
        if before is None:
            log.warning("lane_held", lane=lane, dependency=error.dependency, reason=error.reason)
        elif before.dependency != error.dependency:
            self._note_up(before.dependency)
        DEPENDENCY_UP.labels(error.dependency).set(0)

    def _note_released(self, lane: str) -> None:
        released = self.held.pop(lane, None)
        if released is None:
            return
        self.note_completed()
        held_s = self._clock.monotonic_s() - released.since_s
        self._note_up(released.dependency)
        log.info(
            "lane_released", lane=lane, dependency=released.dependency, held_s=round(held_s, 3)
        )

    def _note_up(self, dependency: str) -> None:
        if all(held.dependency != dependency for held in self.held.values()):
            DEPENDENCY_UP.labels(dependency).set(1)
