"""A replay: sends requests at a pace and, when asked, waits until each has an outcome."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from judgify.replay.progress import ShowProgress, show_nothing
from judgify.replay.sending import Outgoing, RequestSender
from judgify.replay.tail import OutcomeTail
from judgify.replay.tally import Tally
from runtime.clock import Clock, SystemClock
from runtime.disk import DiskFloor
from topics import registry

BETWEEN_READS = 500
"""Requests sent between two looks at the results."""
WAIT_S = 0.1
"""Longest sleep; Ctrl-C is obeyed within it."""

Ending = Literal["finished", "timed_out", "interrupted"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay is asked to do."""

    bootstrap: str
    prefix: str = "judgify."
    rate_per_s: float | None = None
    """None: as fast as the broker acknowledges."""
    wait: bool = False
    timeout_s: float = 120.0
    """Longest wait for outcomes after the last request was sent."""
    disk: DiskFloor = field(default_factory=DiskFloor)
    """Kafka's, where it is known: nothing is sent that would fill it."""

    def topic(self, spec: registry.TopicSpec) -> str:
        """Return the topic's name on the broker."""
        return registry.full_name(spec, self.prefix)

    def open_tail(self) -> OutcomeTail:
        """Return the outcomes from now on; it stands when this returns."""
        return OutcomeTail(
            self.bootstrap,
            self.topic(registry.REQUESTS),
            self.topic(registry.RESULTS),
            self.topic(registry.DEAD_LETTERS),
        )


@dataclass(slots=True)
class Run:
    """What a replay did."""

    tally: Tally = field(default_factory=Tally)
    ending: Ending = "finished"
    sending_s: float = 0.0
    """From the first request to the last acknowledgement."""
    seconds: float = 0.0
    """From the first request to the last outcome; without a wait as `sending_s`."""


def replay(
    plan: Plan,
    requests: Iterable[Outgoing],
    *,
    stop: threading.Event,
    show: ShowProgress = show_nothing,
    clock: Clock | None = None,
) -> Run:
    """Send `requests` in order and, with `plan.wait`, wait until each has an outcome.

    Ends early, with what it has, when `stop` is set or the time is up.

    Raises:
        DependencyError: the broker refused a request or is gone, or its disk is short. What was
            sent stays sent.
    """
    runner = _Runner(plan, stop, show, clock or SystemClock())
    if not plan.wait:
        return runner.go(requests, None)
    with plan.open_tail() as tail:
        return runner.go(requests, tail)


class _Runner:
    """One replay under way: sender, tail and tally, turned by one thread."""

    def __init__(self, plan: Plan, stop: threading.Event, show: ShowProgress, clock: Clock) -> None:
        self._plan, self._stop, self._show, self._clock = plan, stop, show, clock
        self._run = Run()
        self._tally = self._run.tally
        self._sender = RequestSender(
            plan.bootstrap, plan.topic(registry.REQUESTS), self._tally.add_sent
        )

    def go(self, requests: Iterable[Outgoing], tail: OutcomeTail | None) -> Run:
        started_s = self._clock.monotonic_s()
        self._send_all(requests, tail, started_s)
        self._run.sending_s = self._clock.monotonic_s() - started_s
        if tail is not None and not self._stop.is_set():
            self._await_outcomes(tail)
        self._run.seconds = self._clock.monotonic_s() - started_s
        if self._stop.is_set():
            self._run.ending = "interrupted"
        return self._run

    def _send_all(
        self, requests: Iterable[Outgoing], tail: OutcomeTail | None, started_s: float
    ) -> None:
        try:
            for number, outgoing in enumerate(self._paced(requests, tail, started_s)):
                if number % BETWEEN_READS == 0:
                    self._plan.disk.check()
                    self._read(tail, 0)
                self._sender.send(outgoing)
        finally:
            # Whatever stopped us: what was handed to the producer is sent and accounted for.
            self._sender.flush()
        self._read(tail, 0)

    def _paced(
        self, requests: Iterable[Outgoing], tail: OutcomeTail | None, started_s: float
    ) -> Iterator[Outgoing]:
        """Yield requests no faster than the rate, from the start: a pause is caught up."""
        rate_per_s = self._plan.rate_per_s
        for number, outgoing in enumerate(requests):
            if rate_per_s is not None:
                self._sleep_until(started_s + number / rate_per_s, tail)
            if self._stop.is_set():
                return
            yield outgoing

    def _sleep_until(self, due_s: float, tail: OutcomeTail | None) -> None:
        while (left_s := due_s - self._clock.monotonic_s()) > 0 and not self._stop.is_set():
            self._sender.poll(min(left_s, WAIT_S))
            if left_s > WAIT_S:
                self._read(tail, 0)

    def _await_outcomes(self, tail: OutcomeTail) -> None:
        deadline_s = self._clock.monotonic_s() + self._plan.timeout_s
        while self._tally.finished < self._tally.requests and not self._stop.is_set():
            if self._clock.monotonic_s() > deadline_s:
                self._run.ending = "timed_out"
                return
            self._read(tail, WAIT_S)

    def _read(self, tail: OutcomeTail | None, timeout_s: float) -> None:
        if tail is not None:
            for outcome in tail.read(timeout_s):
                self._tally.add_outcome(outcome)
            if self._tally.is_crowded:
                self._sender.flush()
                self._tally.forget_strangers()
        self._show(sent=self._tally.requests, finished=self._tally.finished)
