"""Waiting in tests: poll with a deadline, never sleep and hope."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

POLL_S: Final = 0.02
"""Pause between two looks."""


def wait_until(
    predicate: Callable[[], T], timeout_s: float = 10.0, *, what: str = "it to hold"
) -> T:
    """Return the first truthy answer of `predicate`; fail the test after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = predicate()
        if answer:
            return answer
        _fail_after(deadline_s, timeout_s, what, answer)
        time.sleep(POLL_S)


async def wait_until_async(
    predicate: Callable[[], T], timeout_s: float = 10.0, *, what: str = "it to hold"
) -> T:
    """Do as `wait_until` while the event loop runs on."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = predicate()
        if answer:
            return answer
        _fail_after(deadline_s, timeout_s, what, answer)
        await asyncio.sleep(POLL_S)


def _fail_after(deadline_s: float, timeout_s: float, what: str, answer: object) -> None:
    if time.monotonic() > deadline_s:
        message = f"waited {timeout_s:g} s for {what}; the last answer was {answer!r}"
        raise AssertionError(message)
