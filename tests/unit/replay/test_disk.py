"""Laws of the short disk: nothing is sent that would fill it."""

from pathlib import Path

import pytest

from judgify.replay.disk import DISK_FREE_BYTES_MIN, refuse_when_short
from schemas.errors import DependencyError


def test_a_short_disk_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match=f"{tmp_path} has 1,023 MiB left"):
        refuse_when_short(tmp_path, DISK_FREE_BYTES_MIN - 2**20)


def test_enough_is_enough(tmp_path: Path) -> None:
    assert refuse_when_short(tmp_path, DISK_FREE_BYTES_MIN) is None  # type: ignore[func-returns-value]  # -- that it returns is the law
