"""Leftovers: what an earlier stack left is ended, and a stranger with its pid is not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from judgify.stack import leftovers
from judgify.stack.leftovers import end_leftovers
from judgify.stack.state import ProcessState, StackState, save_state


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LEASH_GRACE_S", 0.1)
    monkeypatch.setattr(leftovers, "END_TIMEOUT_S", 0.5)


@pytest.fixture(params=["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def stranger(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    code = f"{request.param}\nprint(1, flush=True)\nimport time\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def save(data_dir: Path, seen: ProcessState) -> None:
    state = StackState(
        pid=os.getpid(),
        started_at="2026-01-01T00:00:00.000Z",
        kafka_bootstrap_servers="127.0.0.1:1",
        database_url="postgresql://u:p@127.0.0.1/x",
        redis_url=None,
        ports={},
        processes={"kafka": seen},
    )
    save_state(data_dir, state)


def test_a_process_that_was_left_is_ended_even_when_it_resists(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    created_s = psutil.Process(stranger.pid).create_time()
    save(tmp_path, ProcessState(pid=stranger.pid, created_s=created_s))

    assert end_leftovers(tmp_path) == ["kafka"]

    assert not psutil.pid_exists(stranger.pid)


@pytest.mark.parametrize("apart_s", [-60.0, 60.0, None])
def test_a_later_process_with_the_same_pid_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes], apart_s: float | None
) -> None:
    created_s = psutil.Process(stranger.pid).create_time()
    other_s = None if apart_s is None else created_s + apart_s
    save(tmp_path, ProcessState(pid=stranger.pid, created_s=other_s))

    assert end_leftovers(tmp_path) == []

    assert stranger.poll() is None


def test_what_is_gone_is_no_leftover(tmp_path: Path) -> None:
    assert end_leftovers(tmp_path) == []
    save(tmp_path, ProcessState(pid=2**22 + 1, created_s=1.0))

    assert end_leftovers(tmp_path) == []
