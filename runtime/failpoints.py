"""Failpoints: named places in our own code where a process fails at its n-th passing, for tests.

`JUDGIFY_FAILPOINT=after_publish:3:kill` kills a process right after the broker has acknowledged its
third publish. Several are joined by commas. Refused where ENV is production.

Code passes a place by calling `failpoints.reach("stored")`, once per slice and never per record;
that does nothing at all until `arm` has put something else there.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

POINTS: Final[Mapping[str, str]] = {
    "received": "a slice was taken over from the fetch and is not handed to its lane yet",
    "decoded": "postgres-sink has parsed a part of what it writes, nothing is written",
    "judged": "rule-agent has decided a slice, nothing is published",
    "llm_reserved": "llm-agent has reserved a call, nothing is sent",
    "llm_replied": "the LLM has replied, the call is not settled",
    "llm_judged": "llm-agent has judged an escalation, nothing is published",
    "before_publish": "outputs are to be sent",
    "mid_batch": "some outputs of a slice are sent, or stored in a transaction that is still open",
    "after_publish": "the broker has acknowledged every output of a slice, nobody knows yet",
    "stored": "PostgreSQL has committed, nobody knows yet",
    "before_commit": "offsets are to be committed",
}
"""Every place, and what holds there."""
HANG_S: Final = 3_600.0
"""Longer than any watchdog: whoever still hangs then was not looked after."""
EXIT_CODE: Final = 70
"""EX_SOFTWARE, as a bug that nobody caught would leave it."""
SLEEP_MS_MAX: Final = 600_000


class InjectedError(Exception):
    """What the action `raise` raises: to the code around it a bug like any other."""


class Failpoint(NamedTuple):
    """What happens, where, and at which passing."""

    point: str
    nth: int
    """1: the first time."""
    fail: Callable[[], None]


def parse_failpoints(text: str) -> tuple[Failpoint, ...]:
    """Return the failpoints of `point:nth:action[,…]`.

    Actions: `kill` (SIGKILL), `exit`, `raise`, `hang` and `sleep_ms=N`. The last two block the
    whole event loop.

    Raises:
        ValueError: what is wrong with which part, and what would be right.
    """
    return tuple(_parse_one(part.strip()) for part in text.split(","))


def _parse_one(text: str) -> Failpoint:
    point, _, rest = text.partition(":")
    nth, _, action = rest.partition(":")
    if point not in POINTS:
        raise ValueError(f"{point!r} is no failpoint; one of: {', '.join(POINTS)}")
    if not (nth.isascii() and nth.isdigit() and 0 < int(nth) < 10**9):
        raise ValueError(f"{text!r}: {nth!r} is not the number of a passing, 1 or more")
    return Failpoint(point, int(nth), _parse_action(text, action))


def _parse_action(text: str, action: str) -> Callable[[], None]:
    name, _, number = action.partition("=")
    if name == "sleep_ms":
        if not (number.isascii() and number.isdigit() and int(number) <= SLEEP_MS_MAX):
            raise ValueError(f"{text!r}: sleep_ms wants a number up to {SLEEP_MS_MAX}")
        return partial(time.sleep, int(number) / 1_000)
    if action not in _ACTIONS:
        known = ", ".join((*_ACTIONS, "sleep_ms=N"))
        raise ValueError(f"{text!r}: {action!r} is no action; one of: {known}")
    return _ACTIONS[action]


def arm(failpoints: tuple[Failpoint, ...]) -> None:
    """Make `reach` fail as `failpoints` say, in this process, from now on; () disarms."""
    global reach  # noqa: PLW0603 -- bound once at start, so that passing an unarmed place costs nothing
    reach = _Armed(failpoints).reach if failpoints else _pass


def _pass(point: str) -> None:
    """Do nothing: no failpoint is armed."""


reach: Callable[[str], None] = _pass
"""Pass a place; call it as `failpoints.reach(…)`, since arming binds it anew."""


class _Armed:
    """Counts the passings and fails at the right ones."""

    def __init__(self, failpoints: tuple[Failpoint, ...]) -> None:
        self._failpoints = failpoints
        self._passed: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        self._passed[point] += 1
        for failpoint in self._failpoints:
            if failpoint.point == point and failpoint.nth == self._passed[point]:
                sys.stderr.write(f"failpoint {point} reached, time {failpoint.nth}\n")
                sys.stderr.flush()
                failpoint.fail()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _exit() -> None:
    os._exit(EXIT_CODE)


def _raise() -> None:
    raise InjectedError("a failpoint was told to raise")


_ACTIONS: Final[Mapping[str, Callable[[], None]]] = {
    "kill": _kill,
    "exit": _exit,
    "raise": _raise,
    "hang": partial(time.sleep, HANG_S),
}
