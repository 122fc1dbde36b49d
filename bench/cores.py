"""Which process runs on which core: the contender alone on one, the broker on another."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of a run; both None where processes cannot be pinned."""

    contender: int | None
    broker: int | None


def choose_cores() -> Cores:
    """Return the last two cores that we may use, or none where there are not two."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[-1], allowed[-2]) if len(allowed) > 1 else Cores(None, None)


def spare_cores(workers: int) -> list[int] | None:
    """Return a core for each worker, if at least one more is left for the broker."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-workers:] if len(allowed) > workers else None


def find_broker(bootstrap: str) -> psutil.Process | None:
    """Return the process that listens at `bootstrap`, if it is one of this machine."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].strip().rpartition(":")
    if host != "localhost" and not _is_loopback(host):
        return None
    for process in psutil.process_iter():
        try:
            listening = process.net_connections("tcp")
        except psutil.Error:
            continue  # not ours to look at, or gone
        for connection in listening:
            if connection.status == psutil.CONN_LISTEN and str(connection.laddr[1]) == port:
                return process
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@contextmanager
def pinned(process: psutil.Process | None, core: int | None) -> Iterator[bool]:
    """Keep every thread of `process` on `core`, put them back after; yield whether that worked."""
    with ExitStack() as stack:
        yield process is not None and core is not None and _pin(process, core, stack)


def _pin(process: psutil.Process, core: int, stack: ExitStack) -> bool:
    allowed = os.sched_getaffinity(process.pid)
    stack.callback(_move, process, allowed)  # also what it starts meanwhile
    return _move(process, {core})


def _move(process: psutil.Process, cores: set[int]) -> bool:
    try:
        threads = [thread.id for thread in process.threads()]
    except psutil.Error:
        return False
    moved = 0
    for thread in threads:
        try:
            os.sched_setaffinity(thread, cores)
        except ProcessLookupError:
            continue  # a thread that has ended
        except PermissionError:
            return False
        moved += 1
    return moved > 0


@contextmanager
def staying_on(core: int | None) -> Iterator[None]:
    """Run on `core` alone inside, and so does what is started there."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
