"""The watchdog: a thread that ends a process which can no longer help itself.

A blocked event loop sends heartbeats all the same (they come from the fetch thread) and is deaf to
SIGTERM, so nobody else would ever notice. What is not acknowledged is delivered again elsewhere.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from runtime.clock import Clock

EXIT_CODE: Final = 75
"""EX_TEMPFAIL: the launcher starts us again."""
CHECK_INTERVAL_S: Final = 0.25
SLEPT_S: Final = 2.0
"""A longer pause between checks: the whole process slept (SIGSTOP, a closed laptop)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each kind of standstill may last, seconds."""

    loop_s: float = 10.0
    """The event loop turns no more."""
    work_s: float = 60.0
    """Work is in flight, nothing holds it, and nothing completes."""
    shutdown_s: float = 10.0
    """From the request to stop to the end of the process."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the watchdog looks at: times in monotonic seconds."""

    loop_turned_at_s: float
    completed_at_s: float
    has_work: bool
    is_held: bool
    stopping_since_s: float | None
    oldest_begun_at_s: float | None = None
    """Since when the oldest answer runs, where many run at a time: those that end must not hide
    the one that does not."""
    watching_since_s: float = -inf
    """Since when the watchdog itself is awake: what happened before is not held against us."""


def find_standstill(vitals: Vitals, limits: Limits, now_s: float) -> str | None:
    """Return what stands still, in words for the log, or None. Pure."""
    if vitals.stopping_since_s is not None and now_s - vitals.stopping_since_s > limits.shutdown_s:
        return f"the shutdown takes longer than {limits.shutdown_s:g} s"
    awake_s = now_s - vitals.watching_since_s
    if min(awake_s, now_s - vitals.loop_turned_at_s) > limits.loop_s:
        return f"the event loop has not turned for {limits.loop_s:g} s"
    idle_s = min(awake_s, now_s - vitals.completed_at_s)
    begun_at_s = vitals.oldest_begun_at_s
    if begun_at_s is not None and min(awake_s, now_s - begun_at_s) > limits.work_s:
        return f"a record has been in work for {limits.work_s:g} s"
    if vitals.has_work and not vitals.is_held and idle_s > limits.work_s:
        return f"work is in flight and nothing completed for {limits.work_s:g} s"
    return None


class Watchdog:
    """Looks at the vitals from its own thread; ends the process with every thread's traceback."""

    def __init__(self, look: Callable[[], Vitals], clock: Clock, limits: Limits) -> None:
        self._look = look
        self._clock = clock
        self._limits = limits
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        watching_since_s = checked_s = self._clock.monotonic_s()
        while not self._stopped.wait(CHECK_INTERVAL_S):
            now_s = self._clock.monotonic_s()
            if now_s - checked_s > SLEPT_S:
                watching_since_s = now_s
            checked_s = now_s
            vitals = replace(self._look(), watching_since_s=watching_since_s)
            standstill = find_standstill(vitals, self._limits, now_s)
            if standstill is not None:
                _end(standstill)


def _end(standstill: str) -> None:
    sys.stderr.write(
        f"watchdog: {standstill}; the process ends, unfinished work is delivered again\n"
    )
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(EXIT_CODE)
