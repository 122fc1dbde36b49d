"""The data directory: ours, writable, and its secrets for nobody else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from judgify.doctor.finding import Finding, fail, ok, skip
from judgify.doctor.subject import Subject
from judgify.stack.state import STATE_FILE

PRIVATE: Final = (STATE_FILE, "secrets/*")
"""Files that hold passwords."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def look(subject: Subject) -> Iterator[Finding]:
    """Judge the directory, or the place where it would be made."""
    path = subject.data_dir
    if not subject.uses_local_stack:
        yield skip("not used: Kafka is not the local stack's")
    elif not path.exists():
        yield _judge_parent(path)
    elif not path.is_dir():
        yield fail(f"{path} is no directory", "move it away, or use --data-dir")
    else:
        problems = [*_find_problems(path)]
        yield from problems or [ok(f"{path}, writable")]


def _judge_parent(path: Path) -> Finding:
    parent = next(place for place in path.parents if place.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return ok(f"{path} is made by the first `judgify up`")
    return fail(
        f"{path} cannot be made: {parent} is not writable for us",
        "set JUDGIFY_DATA_DIR to a place of yours, or make the directory",
    )


def _find_problems(path: Path) -> Iterator[Finding]:
    owner = path.stat().st_uid
    if owner != os.geteuid():
        yield fail(
            f"{path} belongs to uid {owner}, we are {os.geteuid()}",
            "run as its owner, or use another --data-dir",
        )
        return
    if not os.access(path, os.W_OK | os.X_OK):
        yield fail(f"{path} is not writable", "make it writable, or the disk it is on")
    for pattern in PRIVATE:
        for file in sorted(path.glob(pattern)):
            if file.stat().st_mode & _OTHERS:
                yield fail(f"{file} holds a password that others may read", f"chmod go= {file}")
