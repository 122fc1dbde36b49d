"""Laws of the short disk: below the floor nothing is taken in; what cannot be known is no reason."""

from pathlib import Path

import pytest

from runtime.disk import MIB, DiskFloor
from schemas.errors import DependencyError


def test_a_disk_below_the_floor_is_refused_and_named_with_what_to_do(tmp_path: Path) -> None:
    floor = DiskFloor((tmp_path,), 1_024, lambda _: 1_024 * MIB - 1)

    with pytest.raises(DependencyError, match=f"{tmp_path} has 1,023 MiB left.*1,024 MiB") as short:
        floor.check()

    assert short.value.dependency == "disk"


def test_a_disk_at_the_floor_is_enough(tmp_path: Path) -> None:
    looked: list[Path] = []

    def measure(path: Path) -> int:
        looked.append(path)
        return 1_024 * MIB

    DiskFloor((tmp_path,), 1_024, measure).check()

    assert looked == [tmp_path]


def test_any_of_several_disks_is_enough_to_refuse(tmp_path: Path) -> None:
    other = tmp_path / "other"
    floor = DiskFloor((tmp_path, other), 1, lambda path: 0 if path == other else MIB)

    with pytest.raises(DependencyError, match="other has 0 MiB"):
        floor.check()


def test_a_disk_that_is_elsewhere_refuses_nothing() -> None:
    floor = DiskFloor((), 1_024, lambda _: pytest.fail("nothing is known, and was measured"))

    floor.check()


def test_the_real_disk_is_measured(tmp_path: Path) -> None:
    DiskFloor((tmp_path,), 0).check()
    with pytest.raises(DependencyError, match="MiB left"):
        DiskFloor((tmp_path,), 2**40).check()
