"""The supervisor: all or nothing at the start, restarts while it runs, order at the end."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from judgify.stack import supervisor
from judgify.stack.plan import Addresses, Plan, StackOptions
from judgify.stack.service import Service
from judgify.stack.state import StackState, is_running, load_state
from judgify.stack.supervisor import Stopped, run_stack
from schemas.errors import DependencyError
from tests.support.stacks import find_processes_in
from tests.support.waiting import wait_until
from tests.unit.stack.programs import Example

STEADY = """
import pathlib, signal, sys, time
def end(*_):
    with open('../order', 'a') as order: order.write(pathlib.Path.cwd().name + '\\n')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path('ready').touch()
time.sleep(600)
"""
SLOW_TO_END = STEADY.replace("def end(*_):", "def end(*_):\n    time.sleep(0.5)")
NEVER_READY = "import time; time.sleep(600)"
BROKEN = "print('no space left'); raise SystemExit(1)"


class Recorder:
    """Keeps what it is told, and acts when the stack is up or a process begins."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.on_ready: Callable[[StackState], None] = lambda _: ask_to_stop()
        self.on_begin: Callable[[], None] = lambda: None

    def begin(self, name: str, title: str) -> None:
        self.lines.append(f"begin {name}")
        self.on_begin()

    def progress(self, done_bytes: int, total_bytes: int) -> None: ...

    def ready(self, name: str, title: str, where: str, seconds: float) -> None:
        self.lines.append(f"ready {name}")

    def remark(self, text: str) -> None:
        self.lines.append(text)

    def all_ready(self, state: StackState) -> None:
        self.lines.append("all ready")
        self.on_ready(state)


def ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def plan_of(data_dir: Path, services: dict[str, str], agents: dict[str, str]) -> Plan:
    def make(programs: dict[str, str]) -> tuple[Service, ...]:
        return tuple(
            Service(Example(data_dir / name, code, name)) for name, code in programs.items()
        )

    return Plan(
        services=make(services),
        agents=make(agents),
        ports={"kafka": 20_001},
        addresses=Addresses("127.0.0.1:20001", "postgresql://u:p@127.0.0.1/x", None),
        llm="m-1 at http://gpu",
        remarks=("no Redis",),
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recorder]:
    """Run a stack of made-up programs to its end."""
    monkeypatch.chdir(tmp_path)

    def run_to_end(
        services: dict[str, str], agents: dict[str, str], recorder: Recorder | None = None
    ) -> Recorder:
        made = plan_of(tmp_path, services, agents)
        told = recorder or Recorder()
        monkeypatch.setattr(supervisor, "make_plan", lambda *_: made)
        monkeypatch.setattr(supervisor, "lay_foundation", lambda *_: told.remark("foundation"))
        run_stack(StackOptions(tmp_path), told)
        return told

    return run_to_end


def read_state(data_dir: Path) -> StackState:
    state = load_state(data_dir)
    assert state is not None
    return state


def assert_nothing_left(data_dir: Path) -> None:
    assert [each for each in find_processes_in(data_dir) if each.pid != os.getpid()] == []
    assert not is_running(data_dir)
    state = read_state(data_dir)
    assert not state.ready
    assert all(process.pid is None for process in state.processes.values())


def test_services_come_first_and_go_last(run: Callable[..., Recorder], tmp_path: Path) -> None:
    told = run({"kafka": STEADY, "postgres": STEADY}, {"rule-agent": SLOW_TO_END})

    foundation = told.lines.index("foundation")
    assert {"ready kafka", "ready postgres"} <= set(told.lines[:foundation])
    assert told.lines[foundation + 1 :] == ["begin rule-agent", "ready rule-agent", "all ready"]
    order = (tmp_path / "order").read_text().split()
    assert order == ["rule-agent", "kafka", "postgres"]
    assert_nothing_left(tmp_path)


def test_what_is_up_is_in_the_state_file(run: Callable[..., Recorder], tmp_path: Path) -> None:
    told = Recorder()
    seen: list[StackState] = []

    def look(state: StackState) -> None:
        seen.append(state)
        ask_to_stop()

    told.on_ready = look
    run({"kafka": STEADY}, {"rule-agent": STEADY}, told)

    [state] = seen
    assert state.ready
    assert state.pid == os.getpid()
    assert all(each.pid and each.ready_in_s is not None for each in state.processes.values())
    kept = read_state(tmp_path)
    assert (kept.ports, kept.llm) == ({"kafka": 20_001}, "m-1 at http://gpu")


def test_one_that_cannot_start_takes_all_down_and_says_why(
    run: Callable[..., Recorder], tmp_path: Path
) -> None:
    with pytest.raises(DependencyError, match="postgres: exit code 1\n    no space left"):
        run({"kafka": STEADY, "postgres": BROKEN}, {"rule-agent": STEADY})

    assert_nothing_left(tmp_path)


def test_a_disk_that_refuses_is_said(run: Callable[..., Recorder], tmp_path: Path) -> None:
    (tmp_path / "kafka").touch()

    with pytest.raises(DependencyError, match="kafka: could not be laid out"):
        run({"kafka": STEADY}, {})

    assert_nothing_left(tmp_path)


def test_a_signal_while_it_starts_stops_what_has_started(
    run: Callable[..., Recorder], tmp_path: Path
) -> None:
    told = Recorder()
    told.on_begin = ask_to_stop

    with pytest.raises(Stopped):
        run({"kafka": NEVER_READY, "postgres": STEADY}, {}, told)

    assert_nothing_left(tmp_path)


def test_who_ends_while_it_runs_is_started_again(
    run: Callable[..., Recorder], tmp_path: Path
) -> None:
    told = Recorder()
    clean_stop = signal.getsignal(signal.SIGTERM)

    def stop_when_back() -> None:
        wait_until((tmp_path / "rule-agent" / "ready").exists, 30, what="the agent's return")
        ask_to_stop()

    def kill_one_and_wait(state: StackState) -> None:
        pid = state.processes["rule-agent"].pid
        assert pid is not None
        (tmp_path / "rule-agent" / "ready").unlink()
        psutil.Process(pid).kill()
        threading.Thread(target=stop_when_back, daemon=True).start()

    told.on_ready = kill_one_and_wait
    run({"kafka": STEADY}, {"rule-agent": STEADY}, told)

    agent = read_state(tmp_path).processes["rule-agent"]
    assert (agent.restarts_total, agent.last_exit) == (1, "killed by SIGKILL")
    assert_nothing_left(tmp_path)
    assert signal.getsignal(signal.SIGTERM) == clean_stop
