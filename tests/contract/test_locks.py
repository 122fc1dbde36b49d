"""The locks: every package by version and hash, none by address, all that pyproject asks for."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ \\]+)( ; [^\\]+)? \\$", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def read_pins(path: Path) -> dict[str, str]:
    return {match[1]: match[2] for match in PIN.finditer(path.read_text())}


def requirement_names(group: list[object]) -> set[str]:
    texts = [line for line in group if isinstance(line, str)]
    return {re.split(r"[^A-Za-z0-9._-]", text)[0].lower().replace(".", "-") for text in texts}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]

    strangers = [line for line in lines if not PIN.match(line) and not HASH.match(line)]

    assert read_pins(path)
    assert not strangers


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_address(path: Path) -> None:
    assert not re.search(r"://|--index|--find-links|--trusted", path.read_text())


def test_the_locks_hold_everything_that_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = requirement_names(project["project"]["dependencies"])
    embedded = requirement_names(project["project"]["optional-dependencies"]["embedded"])
    groups = {
        name: requirement_names(group) for name, group in project["dependency-groups"].items()
    }

    run = set(read_pins(ROOT / "requirements.lock"))
    dev = set(read_pins(ROOT / "requirements-dev.lock"))

    assert run >= runtime | embedded | groups["build"], "run `make lock`"
    assert dev >= runtime | embedded | groups["build"] | groups["dev"], "run `make lock`"
    assert set(read_pins(ROOT / "requirements-uv.lock")) == groups["installer"]


def test_what_is_tested_is_what_is_shipped() -> None:
    run = read_pins(ROOT / "requirements.lock")
    dev = read_pins(ROOT / "requirements-dev.lock")

    assert run.items() <= dev.items()
