"""The disk under a local stack: when it is short, nothing is sent that would fill it."""

import shutil
from pathlib import Path
from typing import Final

from schemas.errors import DependencyError

DISK_FREE_BYTES_MIN: Final = 1_073_741_824
"""Kafka stops for good when its disk is full; `judgify status` warns at twice this."""


def refuse_when_short(data_dir: Path, free_bytes: int | None = None) -> None:
    """Check the disk of a local stack's `data_dir`.

    Raises:
        DependencyError: less is free than `DISK_FREE_BYTES_MIN`.
    """
    free = shutil.disk_usage(data_dir).free if free_bytes is None else free_bytes
    if free < DISK_FREE_BYTES_MIN:
        raise DependencyError(
            "disk",
            f"{data_dir} has {free / 2**20:,.0f} MiB left; free at least "
            f"{DISK_FREE_BYTES_MIN / 2**20:,.0f} MiB, then send again",
        )
