"""Local stacks for tests that kill and restart them: a data directory and ports of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from judgify.stack.launch import Stack, start_stack, stop_stack
from judgify.stack.plan import StackOptions

ADDRESSES: Final = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "DATABASE_URL",
    "REDIS_URL",
    "JUDGIFY_DATA_DIR",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
)
COMMAND_TIMEOUT_S: Final = 120.0


def bare_environment(**added: str) -> dict[str, str]:
    """Return our environment without the addresses of any service."""
    kept = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    return kept | {"PYTHONPATH": str(Path.cwd()), "COLUMNS": "200"} | added


@contextmanager
def make_data_dir() -> Iterator[Path]:
    """Make a data directory that PostgreSQL's user can reach; stop what runs in it afterwards."""
    path = Path(tempfile.mkdtemp(prefix="judgify-stack-"))
    try:
        yield path
    finally:
        stop_stack(path)
        for supervisor in _STARTED.pop(path, []):
            supervisor.wait(COMMAND_TIMEOUT_S)
        shutil.rmtree(path, ignore_errors=True)


_STARTED: dict[Path, list[subprocess.Popen[bytes]]] = {}
"""Supervisors by data directory, which `stop_stack` ends and nobody else would reap."""


def start(data_dir: Path, environment: Mapping[str, str] | None = None) -> Stack:
    """Start Kafka, PostgreSQL and Valkey on any free ports."""
    return _start(StackOptions(data_dir, services_only=True), environment)


def start_with_agents(data_dir: Path) -> Stack:
    """Start everything on any free ports."""
    return _start(StackOptions(data_dir, port_base=0))


def _start(options: StackOptions, environment: Mapping[str, str] | None = None) -> Stack:
    stack = start_stack(options, environment=bare_environment(**(environment or {})))
    _STARTED.setdefault(options.data_dir, []).append(stack.supervisor)
    return stack


def run_judgify(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "judgify", *arguments],
        capture_output=True, text=True, check=False,
        timeout=COMMAND_TIMEOUT_S, env=bare_environment(**environment),
    )  # fmt: skip


def open_judgify(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command in the background, its output to nowhere."""
    return subprocess.Popen(
        [sys.executable, "-m", "judgify", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=bare_environment(**environment),
    )  # fmt: skip


def find_descendants(pid: int) -> list[psutil.Process]:
    """Return all that `pid` has started, directly or not."""
    return psutil.Process(pid).children(recursive=True)


def count_alive(processes: list[psutil.Process]) -> int:
    return sum(_is_alive(process) for process in processes)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_processes_in(data_dir: Path) -> list[psutil.Process]:
    """Return every process that names `data_dir` in its command or stands in it."""
    return [each for each in psutil.process_iter() if _stands_in(each, data_dir)]


def _stands_in(process: psutil.Process, data_dir: Path) -> bool:
    try:
        named = any(str(data_dir) in argument for argument in process.cmdline())
        return named or Path(process.cwd()).is_relative_to(data_dir)
    except (psutil.Error, OSError):
        return False
