"""The gates of `make check` and `.ci/run`, each shown something that must not pass."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.scripts import coverage_gate, duplication_gate, left_behind


def summary(covered: int, statements: int) -> Mapping[str, Any]:
    counts = {"num_branches": 2, "covered_branches": 1}
    return {"summary": counts | {"num_statements": statements, "covered_lines": covered}}


def test_coverage_counts_lines_and_branches_of_all_files_below_a_prefix() -> None:
    files = {
        "rules/a.py": summary(8, 8),
        "rules/b/c.py": summary(0, 8),
        "stream/d.py": summary(8, 8),
    }

    shares = coverage_gate.measure(files, {"rules/": 50, "stream/": 91, "": 60})

    assert [(share.percent, share.holds) for share in shares] == [
        (50.0, True),
        (90.0, False),
        (pytest.approx(190 / 3), True),
    ]


def test_a_limit_on_something_that_was_renamed_fails() -> None:
    (share,) = coverage_gate.measure({"rules/a.py": summary(8, 8)}, {"old_rules/": 1})

    assert not share.holds


def test_a_gate_without_measurements_fails_and_says_what_to_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert coverage_gate.main(str(tmp_path / "nothing")) == 1
    assert "make unit" in capsys.readouterr().out


def test_code_written_twice_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "".join(f"value_{number} = {number} * 2\n" for number in range(10))
    (tmp_path / "one.py").write_text(body)
    alone = duplication_gate.main([str(tmp_path)])
    (tmp_path / "two.py").write_text(body)

    twice = duplication_gate.main([str(tmp_path)])

    assert (alone, twice) == (0, 1)
    assert "value_9 = 9 * 2" in capsys.readouterr().out


def test_a_report_that_cannot_be_read_is_no_pass() -> None:
    with pytest.raises(ValueError, match="its output changed"):
        duplication_gate.parse_percent("nothing to see here")


def test_a_process_left_behind_is_named_ended_and_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_behind, "GRACE_S", 0.0)
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    environment = {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        ours.stdout.readline()

        verdict = left_behind.main(str(tmp_path))

        assert ours.wait(timeout=10) != 0
    assert verdict == 1
    assert f"left behind: {ours.pid}" in capsys.readouterr().out
    assert left_behind.main(str(tmp_path)) == 0


def test_processes_of_others_are_not_touched(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={"TMPDIR": "/"}) as others:
        found = left_behind.find_processes(str(tmp_path))

        others.communicate(b"\n", timeout=10)
    assert others.pid not in {process.pid for process in found}
    assert others.returncode == 0
