"""Memory: what is left of the machine's, or of the container's where that is less."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject
from judgify.status.words import size

MIB: Final = 1_048_576
STACK_BYTES: Final = 1_200 * MIB
"""Kafka 400 MiB, two agents of 250, PostgreSQL and Valkey the rest."""
AGENT_BYTES: Final = 300 * MIB
"""One process."""
CGROUP: Final = Path("/sys/fs/cgroup")


def look(subject: Subject) -> Iterator[Finding]:
    """Compare what is available with what is still to be started."""
    available = min(psutil.virtual_memory().available, find_container_bytes_left())
    told = f"{size(available)} available"
    starts_stack = subject.uses_local_stack and not subject.is_running
    needed = STACK_BYTES if starts_stack else AGENT_BYTES
    what = "the local stack" if starts_stack else "one more process"
    if available < needed // 2:
        yield fail(f"{told}, {what} takes about {size(needed)}", "end what takes most of it")
    elif available < needed:
        yield warn(f"{told}, {what} takes about {size(needed)}", "end what takes most of it")
    else:
        yield ok(told)


def find_container_bytes_left(cgroup: Path = CGROUP) -> int:
    """Return what the container may still take; a very large number without a limit."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        return 2**63 if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return 2**63
