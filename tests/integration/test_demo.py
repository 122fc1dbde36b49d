"""The demo on a terminal stays until Ctrl-C; another one meanwhile uses its stack and leaves it."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from judgify.stack.state import is_running, load_state
from tests.support.stacks import bare_environment, make_data_dir
from tests.support.waiting import wait_until

TIMEOUT_S = 120.0
DEMO = (sys.executable, "-m", "judgify", "demo", "--count", "300", "--port-base", "0")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._main, side = pty.openpty()
        self.process = subprocess.Popen(
            command, env=environment, stdin=side, stdout=side, stderr=side, start_new_session=True
        )
        os.close(side)
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read the screen until it shows `text`; fail after `TIMEOUT_S`."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while text not in self.shown:
            assert time.monotonic() < deadline_s, self.shown
            assert self.process.poll() is None, self.shown
            if select.select([self._main], [], [], 0.2)[0]:
                self.shown += os.read(self._main, 65_536).decode(errors="replace")

    def press_ctrl_c(self) -> int:
        """Interrupt as the keyboard does; return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(TIMEOUT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._main)


@contextmanager
def open_terminal(command: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(command, environment)
    try:
        yield terminal
    finally:
        terminal.close()


def find_processes(data_dir: Path) -> set[int]:
    """Return the processes that work for the stack in `data_dir`, and all that name it."""
    state = load_state(data_dir)
    known = {state.pid, *(each.pid for each in state.processes.values())} if state else set()
    naming = {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(data_dir) in word for word in process.info["cmdline"] or ())
    }
    return {pid for pid in known | naming if pid is not None and psutil.pid_exists(pid)}


def printed_commands(text: str) -> list[str]:
    """Return the commands that the demo says to try."""
    _, _, commands = text.partition("Try next:\n")
    found = [line.strip() for line in commands.splitlines()]
    assert len(found) >= 5
    return found


def find_failing(commands: list[str], environment: dict[str, str]) -> list[str]:
    """Paste each command into a shell; return what the failing ones said."""
    ended = [
        subprocess.run(
            ["bash", "-c", command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        for command in commands
    ]
    return [f"{each.args[-1]}: {each.stderr}" for each in ended if each.returncode]


@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.usefixtures("kafka_bootstrap")
def test_a_demo_on_a_terminal_stays_until_ctrl_c_and_others_use_its_stack() -> None:
    environment = bare_environment(TERM="xterm")

    with make_data_dir() as data_dir:
        command = [*DEMO, "--data-dir", str(data_dir)]
        with open_terminal(command, environment) as terminal:
            terminal.read_until("Ctrl-C stops everything")
            assert is_running(data_dir)

            other = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            assert other.returncode == 0, other.stderr
            assert "running already" in other.stdout
            assert is_running(data_dir)
            assert find_failing(printed_commands(other.stdout), environment) == []

            running = find_processes(data_dir)
            assert len(running) >= 5

            assert terminal.press_ctrl_c() == 0
        assert not any(psutil.pid_exists(pid) for pid in running)


@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.usefixtures("kafka_bootstrap")
def test_a_terminal_that_closes_while_the_demo_starts_leaves_nothing_running() -> None:
    with make_data_dir() as data_dir:
        command = [*DEMO, "--data-dir", str(data_dir)]
        with open_terminal(command, bare_environment(TERM="xterm")) as terminal:
            terminal.read_until("machine readings")
            wait_until(lambda: is_running(data_dir), TIMEOUT_S, what="the stack to start")

            os.killpg(terminal.process.pid, signal.SIGHUP)
            terminal.process.wait(TIMEOUT_S)

        assert not is_running(data_dir)
        assert find_processes(data_dir) == set()
