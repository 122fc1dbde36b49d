"""The disk under the local stack: room for Kafka and PostgreSQL, in bytes and in files."""

import os
from collections.abc import Iterator
from typing import Final

from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject
from judgify.status.words import size

MIB: Final = 1_048_576
LOW_FACTOR: Final = 4
"""Below so many times the floor it is time to make room."""
FILES_MIN: Final = 10_000
"""Kafka keeps some files per partition and segment, PostgreSQL some per table."""


def look(subject: Subject) -> Iterator[Finding]:
    """Compare what is free with the floor below which nothing is sent and the sink waits."""
    path = next(place for place in (subject.data_dir, *subject.data_dir.parents) if place.exists())
    found = os.statvfs(path)
    free, total = (blocks * found.f_frsize for blocks in (found.f_bavail, found.f_blocks))
    # Some file systems have no bound of files.
    files_free = found.f_favail if found.f_files else FILES_MIN
    floor = subject.settings.disk_free_min_mb * MIB
    told = f"{size(free)} free of {size(total)} under {subject.data_dir}"
    judge = fail if subject.uses_local_stack else warn
    if free < floor:
        yield judge(
            f"{told}: below the floor of {size(floor)}",
            "make room: until then nothing is sent and the sink waits",
        )
    elif free < LOW_FACTOR * floor:
        yield warn(told, f"make room before it is below {size(floor)}, where everything waits")
    elif files_free < FILES_MIN:
        yield judge(
            f"{told}, but room for {files_free:,} more files only",
            "delete what there is much of: the file system has no inodes left",
        )
    else:
        yield ok(told)
