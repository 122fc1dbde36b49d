"""Laws of the demo's stack: one that runs is joined and left, one of its own is stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from judgify.demo import running_stack
from judgify.demo.running_stack import Fetching, open_stack
from judgify.stack.plan import AGENTS, StackOptions
from judgify.stack.state import ProcessState, StackState
from schemas.errors import DependencyError, FatalError
from tests.support.clock import FakeClock


def make_state(*names: str, ready: bool = True) -> StackState:
    return StackState(
        pid=1,
        started_at="2025-06-15T15:06:40.000Z",
        ready=ready,
        kafka_bootstrap_servers="127.0.0.1:1",
        database_url="postgresql://127.0.0.1:2/judgify",
        redis_url=None,
        ports={},
        processes={name: ProcessState(pid=1) for name in names},
    )


class FakeStack:
    """A stack that counts how often it was stopped."""

    def __init__(self) -> None:
        self.stopped = 0
        self.state = make_state("kafka", *AGENTS)

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[StackState | None], FakeStack]:
    """Pretend that a stack of this state runs (None: none does); return what would be started."""

    def set_up(state: StackState | None) -> FakeStack:
        stack = FakeStack()
        monkeypatch.setattr(running_stack, "is_running", lambda _: state is not None)
        monkeypatch.setattr(running_stack, "load_state", lambda _: state)
        monkeypatch.setattr(running_stack, "start_stack", lambda *_: stack)
        monkeypatch.setattr(running_stack, "open_context", lambda data_dir: data_dir)
        return stack

    return set_up


Pretend = Callable[[StackState | None], FakeStack]


def test_a_stack_that_runs_is_joined_and_left(pretend: Pretend, tmp_path: Path) -> None:
    stack = pretend(make_state("kafka", *AGENTS))

    with open_stack(StackOptions(tmp_path)) as (_, is_ours):
        assert not is_ours

    assert stack.stopped == 0


def test_a_stack_of_its_own_is_stopped_whatever_happens(pretend: Pretend, tmp_path: Path) -> None:
    stack = pretend(None)

    def fail_on_it() -> None:
        with open_stack(StackOptions(tmp_path)) as (_, is_ours):
            raise ZeroDivisionError(is_ours)

    with pytest.raises(ZeroDivisionError, match="True"):
        fail_on_it()

    assert stack.stopped == 1


def test_a_stack_without_agents_is_refused(pretend: Pretend, tmp_path: Path) -> None:
    pretend(make_state("kafka", "rule-agent"))

    with (
        pytest.raises(FatalError, match="runs without llm-agent and postgres-sink"),
        open_stack(StackOptions(tmp_path)),
    ):
        pytest.fail("it was joined")


def test_a_stack_that_never_gets_ready_is_not_waited_for_for_ever(
    pretend: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(make_state(ready=False))
    clock = FakeClock()
    monkeypatch.setattr("time.sleep", clock.advance)

    with (
        pytest.raises(DependencyError, match="not ready"),
        open_stack(StackOptions(tmp_path), clock),
    ):
        pytest.fail("it was joined")


def test_fetching_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress: Any = Fetching().progress

    for done in (0, 20_000_000, 44_000_000):
        progress(done, 44_000_000)

    assert capsys.readouterr().out.count("fetching Kafka: 42 MiB") == 1
