"""Who installs Judgify gets a Python whose generated code can be checked, or one clear line.

The instruction table says which those are; `pyproject.toml`, `infra/scripts/setup-venv`, `judgify
doctor` and the README say the same.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from judgify.doctor.checks import python as python_check
from rules.language.emit.instructions import LISTED, VERSIONS
from tests.support.subjects import look_at, make_subject, told

ROOT: Final = Path(__file__).parents[2]
SCRIPT: Final = ROOT / "infra" / "scripts" / "setup-venv"
FIRST, LAST = VERSIONS[0], VERSIONS[-1]
TOO_OLD: Final = (3, FIRST[1] - 1)
TOO_NEW: Final = (3, LAST[1] + 1)
# Answers as another version would, and makes no environment: the script stops where it has chosen.
STAND_IN: Final = """#!/bin/sh
case $1 in
--version) echo "Python {version}.7"; exit ;;
-m) exit 1 ;;
esac
shift
code=$1
shift
exec '{python}' -S -c "import sys; sys.version_info = ({comma}, 7, 'final', 0); $code" "$@"
"""


def install(version: tuple[int, int], path: Path) -> None:
    """Make a stand-in for the Python of that version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    major, minor = version
    text = STAND_IN.format(
        version=f"{major}.{minor}", comma=f"{major}, {minor}", python=sys.executable
    )
    path.write_text(text)
    path.chmod(0o755)


def set_up(directory: Path, **environment: str) -> str:
    """Return what the script says where nothing is installed but what is in `bin`."""
    path = {"PATH": str(directory / "bin")}
    done = subprocess.run(
        [SCRIPT, "some.lock"],
        cwd=directory,
        env=path | environment,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def read_project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def test_versions_follow_each_other() -> None:
    assert tuple((3, minor) for minor in range(FIRST[1], LAST[1] + 1)) == VERSIONS


def test_the_package_installs_on_the_listed_versions_alone() -> None:
    project = read_project()
    classified = [
        match[1]
        for each in project["classifiers"]
        if (match := re.fullmatch(r"Programming Language :: Python :: (\d+\.\d+)", each))
    ]

    assert project["requires-python"] == f">=3.{FIRST[1]},<3.{LAST[1] + 1}"
    assert ", ".join(classified) == LISTED


def test_the_readme_says_from_which_to_which() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "Makefile"):
        assert f"Python 3.{FIRST[1]} to 3.{LAST[1]} with venv" in (ROOT / name).read_text(), name


@pytest.mark.parametrize("version", VERSIONS)
def test_setup_takes_each_listed_version_although_another_comes_first(
    version: tuple[int, int], tmp_path: Path
) -> None:
    name = f"python3.{version[1]}"
    install(TOO_NEW, tmp_path / "bin" / "python3")
    install(version, tmp_path / "bin" / name)

    assert set_up(tmp_path) == f"setup: could not create .venv with {tmp_path / 'bin' / name}\n"


@pytest.mark.parametrize("version", [TOO_OLD, TOO_NEW])
def test_setup_says_in_one_line_what_is_wrong_with_a_python(
    version: tuple[int, int], tmp_path: Path
) -> None:
    install(version, tmp_path / "bin" / "python3")

    (line,) = set_up(tmp_path).splitlines()

    needed = LISTED.replace(",", "")
    found = f"Python 3.{version[1]}.7"
    assert line.startswith(f"setup: one of Python {needed} is needed, found: {found}. Install one")


def test_setup_says_so_when_there_is_no_python_at_all(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()

    assert "is needed, found: none. Install one" in set_up(tmp_path)


def test_setup_does_not_take_a_named_python_that_will_not_do(tmp_path: Path) -> None:
    install(LAST, tmp_path / "bin" / "python3")
    install(TOO_NEW, tmp_path / "other")

    assert f"found: Python 3.{TOO_NEW[1]}.7" in set_up(tmp_path, PYTHON=str(tmp_path / "other"))


def test_setup_replaces_an_environment_of_another_version(tmp_path: Path) -> None:
    install(TOO_NEW, tmp_path / ".venv" / "bin" / "python")
    install(FIRST, tmp_path / "bin" / "python3")

    assert "could not create .venv with" in set_up(tmp_path)


@pytest.mark.parametrize("version", [TOO_OLD, TOO_NEW])
def test_the_doctor_refuses_what_is_not_listed(
    version: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_check, "RUNNING", version)

    assert f"install one of Python {LISTED} " in told(
        look_at(python_check.look, make_subject(tmp_path))
    )
