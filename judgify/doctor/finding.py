"""A finding: how one thing stands, in one line, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from judgify.doctor.subject import Subject

Level = Literal["ok", "warn", "fail", "skip"]
"""skip: it was not looked at, because it is not used or something before it failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    level: Level
    what: str
    do: str = ""
    """What to do; empty only when nothing is wrong."""


def ok(what: str) -> Finding:
    return Finding("ok", what)


def warn(what: str, do: str) -> Finding:
    """It works, and may not for long."""
    return Finding("warn", what, do)


def fail(what: str, do: str) -> Finding:
    """It does not work."""
    return Finding("fail", what, do)


def skip(what: str) -> Finding:
    return Finding("skip", what)


Look = Callable[[Subject], Iterator[Finding]]
"""Looks at one thing, in a thread of its own; may block, and is left behind after its time."""
