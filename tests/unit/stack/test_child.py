"""A child: why it ended is known, its log is bounded, and a stubborn one is killed."""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from judgify.stack import child as child_module
from judgify.stack.child import Child, Command, bound_log, log_tail, run_to_end, spawn
from schemas.errors import DependencyError
from tests.support.waiting import wait_until

FOREVER = "import time\nwhile True: time.sleep(1)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n{FOREVER}"


def make_command(tmp_path: Path, code: str, **environment: str) -> Command:
    return Command(
        name="example",
        argv=(sys.executable, "-c", code),
        log=tmp_path / "example.log",
        cwd=tmp_path,
        death_signal=signal.SIGKILL,
        environment=environment,
    )


def wait_ended(child: Child) -> str | None:
    wait_until(lambda: not child.is_alive, what="the child to end")
    return child.exit_reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("pass", "exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    ],
)
def test_the_reason_of_an_end_is_in_words(tmp_path: Path, code: str, reason: str) -> None:
    child = spawn(make_command(tmp_path, code))

    assert wait_ended(child) == reason


def test_a_child_writes_to_its_log_and_knows_what_it_was_given(tmp_path: Path) -> None:
    command = make_command(tmp_path, "import os; print(os.environ['X_GIVEN'])", X_GIVEN="yes")

    wait_ended(spawn(command))

    assert command.log.read_text() == "yes\n"


def test_a_child_leads_a_group_of_its_own_so_that_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    import os

    child = spawn(make_command(tmp_path, FOREVER))

    try:
        wait_until(lambda: os.getpgid(child.pid) == child.pid, what="its own group")
    finally:
        child.kill()
    assert child.exit_reason == "killed by SIGKILL"


def test_an_obedient_child_ends_by_itself(tmp_path: Path) -> None:
    child = spawn(make_command(tmp_path, FOREVER))
    assert child.is_alive

    assert child.stop(signal.SIGTERM, timeout_s=10)

    assert child.exit_reason == "killed by SIGTERM"


def test_a_stubborn_child_is_killed_with_all_it_started(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n{STUBBORN}"
    child = spawn(make_command(tmp_path, code))
    wait_until(child.command.log.read_bytes, what="the child to be up")
    grandchild = psutil.Process(child.pid).children()[0]

    assert not child.stop(signal.SIGTERM, timeout_s=0.2)

    assert child.exit_reason == "killed by SIGKILL"
    psutil.wait_procs([grandchild], timeout=5)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_a_program_that_does_not_exist_is_said(tmp_path: Path) -> None:
    command = make_command(tmp_path / "missing", "pass")

    with pytest.raises(DependencyError, match="example: could not be started"):
        spawn(command)


def test_a_run_that_fails_shows_the_tail_of_its_log(tmp_path: Path) -> None:
    command = make_command(tmp_path, "print('the disk is full'); raise SystemExit(1)")

    with pytest.raises(DependencyError) as caught:
        run_to_end(command, timeout_s=10)

    assert "exit code 1\n    the disk is full\n" in str(caught.value)
    assert str(command.log) in str(caught.value)


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="took longer than 0 s"):
        run_to_end(make_command(tmp_path, FOREVER), timeout_s=0.1)


def test_a_log_keeps_its_newest_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "LOG_BYTES_MAX", 10)
    log = tmp_path / "example.log"
    older = tmp_path / "example.log.1"

    log.write_bytes(b"0123456789")
    bound_log(log)
    assert log.read_bytes() == b"0123456789"
    assert not older.exists()

    log.write_bytes(b"old0123456789")
    with log.open("ab") as writer:
        bound_log(log)
        writer.write(b"new")
    assert older.read_bytes() == b"0123456789"
    assert log.read_bytes() == b"new"


def test_a_tail_is_short_whatever_the_log_holds(tmp_path: Path) -> None:
    log = tmp_path / "example.log"
    log.write_bytes(b"\xff" * 1_000_000 + b"\n" + b"line\n" * 1_000)

    tail = log_tail(log).splitlines()

    assert tail == ["    line"] * child_module.LOG_TAIL_LINES + [f"  log: {log}"]
    assert log_tail(tmp_path / "missing.log") == f"  log: {tmp_path / 'missing.log'}"
