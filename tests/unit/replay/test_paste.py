"""Laws of printed commands: pasted where this one ran, they work."""

import sys
from pathlib import Path

import pytest

from judgify.replay.paste import spell


def test_a_program_off_the_path_is_spelled_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/judgify", "demo"])
    monkeypatch.setenv("PATH", "")

    assert spell("status") == ".venv/bin/judgify status"


def test_a_program_on_the_path_is_spelled_plainly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "judgify"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", str(tmp_path))

    assert spell("status") == "judgify status"


def test_another_program_of_that_name_on_the_path_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "judgify"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [".venv/bin/judgify"])
    monkeypatch.setenv("PATH", str(tmp_path))

    assert spell("status") == ".venv/bin/judgify status"


def test_a_module_is_spelled_with_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/judgify/__main__.py"])

    assert spell("status") == f"{sys.executable} -m judgify status"


def test_a_data_directory_is_named_only_when_it_would_not_be_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["x/judgify"])
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("JUDGIFY_DATA_DIR", str(tmp_path))

    assert spell("down", data_dir=tmp_path) == "x/judgify down"
    assert spell("down", data_dir=tmp_path / "a b") == (
        f"x/judgify down --data-dir '{tmp_path}/a b'"
    )
