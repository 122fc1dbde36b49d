"""One supervisor per data directory: a lock that dies with its holder, however it dies."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from judgify.stack.state import LOCK_FILE
from schemas.errors import FatalError

LOCK_WAIT_S: Final = 1.0
"""A command that asks whether we run holds the lock for an instant."""
LOCK_POLL_S: Final = 0.05


class Holder(NamedTuple):
    """Who holds a data directory."""

    pid: int
    started_at: str
    """RFC 3339, UTC."""


@contextmanager
def hold_data_dir(data_dir: Path, started_at: str) -> Iterator[None]:
    """Hold `data_dir` as the one supervisor in it.

    Raises:
        FatalError: another one does; it says which, and since when.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(data_dir / LOCK_FILE, flags, 0o644)
    except OSError as error:
        raise FatalError(f"{data_dir} cannot be written: {error.strerror}") from error
    try:
        _acquire(descriptor, data_dir)
        os.truncate(descriptor, 0)
        os.write(descriptor, json.dumps(Holder(os.getpid(), started_at)._asdict()).encode())
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, data_dir: Path) -> None:
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline_s:
                raise FatalError(already_runs(data_dir)) from error
            time.sleep(LOCK_POLL_S)
        else:
            return


def already_runs(data_dir: Path) -> str:
    """Say that a stack already runs in `data_dir`, who and since when."""
    holder = load_holder(data_dir)
    who = f" (pid {holder.pid}, since {holder.started_at})" if holder else ""
    return f"a stack already runs in {data_dir}{who}: use it, or stop it with `judgify down`"


def load_holder(data_dir: Path) -> Holder | None:
    """Return who holds, or held last, `data_dir`; None when nobody ever did."""
    try:
        return Holder(**json.loads((data_dir / LOCK_FILE).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
