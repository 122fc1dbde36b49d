"""The leash: a command dies with the process that started it, however that died."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from judgify.stack.child import LEASH
from tests.support.waiting import wait_until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
PARENT = """
import os, subprocess, sys, time
leash, *more = sys.argv[1:]
child = subprocess.Popen([sys.executable, "-I", "-S", leash, "--parent", str(os.getpid()), *more])
print(child.pid, flush=True)
time.sleep(600)
"""

WAYS = pytest.mark.parametrize("way", [[], ["--watch"]], ids=["kernel", "watcher"])
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a promise of Linux")


def run_leash(
    *options: str, code: str = SLEEP, parent: int | None = None
) -> subprocess.Popen[bytes]:
    arguments = ["--parent", str(parent or os.getpid()), "--signal", "9", *options]
    command = [sys.executable, "-I", "-S", str(LEASH), *arguments, "--", sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@WAYS
def test_a_command_is_gone_within_seconds_of_a_kill_of_its_parent(way: list[str]) -> None:
    arguments = [*way, "--signal", "9", "--", sys.executable, "-c", SLEEP]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(LEASH), *arguments], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert parent.stdout.readline() == b"up\n"
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    assert not any(is_gone(each) for each in pids)

    parent.kill()

    wait_until(lambda: all(is_gone(each) for each in pids), 5.0, what="the command to die")
    parent.wait(5)
    parent.stdout.close()


@WAYS
def test_a_command_whose_parent_is_gone_already_does_not_live(way: list[str]) -> None:
    orphan = run_leash(*way, parent=2**22 + 1)

    assert orphan.wait(10) != 0
    assert orphan.stdout is not None
    orphan.stdout.close()


@WAYS
@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(3)", 3), ("pass", 0)])
def test_the_exit_code_is_the_commands(way: list[str], code: str, expected: int) -> None:
    with run_leash(*way, code=code) as process:
        assert process.wait(10) == expected


def test_a_watcher_hands_signals_on() -> None:
    with run_leash("--watch") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"

        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 128 + signal.SIGTERM


@ON_LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its uid")
def test_the_death_signal_outlives_the_change_of_uid(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    arguments = ["--signal", "9", "--uid", "65534", "--gid", "65534", "--", "/bin/sleep", "600"]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(LEASH), *arguments], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    wait_until(lambda: psutil.Process(pid).name() == "sleep", what="the command to run")
    assert psutil.Process(pid).uids().real == 65_534
    assert psutil.Process(pid).gids().real == 65_534

    parent.kill()

    wait_until(lambda: is_gone(pid), 5.0, what="the command to die")
    parent.wait(5)
    parent.stdout.close()
