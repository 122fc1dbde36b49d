"""The lock: one supervisor per data directory, and none that is dead holds it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from judgify.stack.lock import hold_data_dir, load_holder
from judgify.stack.state import LOCK_FILE, is_running
from schemas.errors import FatalError

HOLD = """
import sys, time
from pathlib import Path
from judgify.stack.lock import hold_data_dir
with hold_data_dir(Path(sys.argv[1]), "2026-01-02T03:04:05.678Z"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_holder_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    with (
        hold_data_dir(tmp_path, "2026-01-02T03:04:05.678Z"),
        pytest.raises(FatalError) as caught,
        hold_data_dir(tmp_path, "2026-01-02T03:04:06.000Z"),
    ):
        pass

    said = str(caught.value)
    assert f"pid {os.getpid()}, since 2026-01-02T03:04:05.678Z" in said
    assert "judgify down" in said


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert is_running(tmp_path)

    holder.kill()
    holder.wait(10)
    holder.stdout.close()

    assert not is_running(tmp_path)
    seen = load_holder(tmp_path)
    assert seen is not None
    assert seen.pid == holder.pid
    with hold_data_dir(tmp_path, "2026-01-02T03:04:07.000Z"):
        assert is_running(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pid": 1}'])
def test_a_damaged_lock_file_is_no_holder(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_FILE).write_text(text)

    assert load_holder(tmp_path) is None
    with hold_data_dir(tmp_path, "2026-01-02T03:04:05.678Z"):
        assert load_holder(tmp_path) is not None


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="cannot be written"), hold_data_dir(tmp_path / "no", ""):
        pass
