"""Environments of the peers: each library runs with its own pinned packages, kept between runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PEERS: Final = Path(__file__).parent / "peers"
INSTALL_TIMEOUT_S: Final = 300.0
TOLD_CHARS: Final = 500


class NotInstalledError(RuntimeError):
    """A peer's packages could not be installed; the others go on without it."""


def lock_path(name: str) -> Path:
    """Return the pinned requirements of an environment."""
    return PEERS / f"requirements-{name}.txt"


def find_cache_dir() -> Path:
    """Return where environments are kept: outside of the checkout."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "judgify-bench"


def open_environment(name: str | None, cache: Path | None = None) -> Path:
    """Return the Python of the environment `name`, made at first use; ours for None.

    Raises:
        NotInstalledError: its packages cannot be had.
    """
    if name is None:
        return Path(sys.executable)
    lock = lock_path(name)
    mark = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    directory = (cache or find_cache_dir()) / f"{name}-{mark}"
    ready = directory / "ready"
    if not ready.exists():
        _make(directory, lock)
        ready.touch()
    return directory / "bin" / "python"


def _make(directory: Path, lock: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(directory)])
    python = str(directory / "bin" / "python")
    try:
        with_uv = [_find_uv(), "pip", "install", "--quiet", "--python", python]
        _run([*with_uv, "--require-hashes", "-r", str(lock)], UV_SYSTEM_CERTS="1")
    except NotInstalledError:
        with_pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*with_pip, "--require-hashes", "-r", str(lock)])


def _find_uv() -> str:
    try:
        version("uv")
    except PackageNotFoundError as error:
        raise NotInstalledError("uv is not installed") from error
    return str(Path(sys.executable).with_name("uv"))


def _run(command: Sequence[str], **environment: str) -> None:
    # From /, because uv adds the constraints of a pyproject.toml that it finds.
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=os.environ | environment,
            timeout=INSTALL_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalledError(str(error)) from error
    if done.returncode:
        raise NotInstalledError(done.stderr.strip()[-TOLD_CHARS:])


def find_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of `packages` as that Python has them."""
    ask = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run(
        [str(python), "-c", ask, *packages], capture_output=True, text=True, check=True
    )
    return dict(zip(packages, done.stdout.split(), strict=True))
