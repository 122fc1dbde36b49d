"""The disk under data of ours: when it is short, nothing may be taken in that would fill it.

Kafka and PostgreSQL stop for good on a full disk. Whoever takes records in (ingest, `judgify
replay`, `judgify send`) refuses before that, and a sink waits.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.errors import DependencyError

DEPENDENCY: Final = "disk"
"""The name in `DependencyError` and in the metric `dependency_up{name}`."""
MIB: Final = 1_048_576


def measure_free(path: Path) -> int:
    """Return the bytes that are free for us on the disk of `path`."""
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class DiskFloor:
    """How much must stay free under some directories; without one, all is well."""

    paths: tuple[Path, ...] = ()
    """Only what is on this machine: what a remote service has left is known to it alone."""
    free_mib_min: int = 0
    measure: Callable[[Path], int] = measure_free

    def check(self) -> None:
        """Take microseconds to look; look as often as you like.

        Raises:
            DependencyError: less is free than must be. It may work later: who can wait, waits.
        """
        for path in self.paths:
            free_mib = self.measure(path) // MIB
            if free_mib < self.free_mib_min:
                raise DependencyError(
                    DEPENDENCY,
                    f"{path} has {free_mib:,} MiB left: free at least {self.free_mib_min:,} MiB "
                    "(JUDGIFY_DISK_FREE_MIN_MB)",
                )
