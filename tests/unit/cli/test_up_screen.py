"""What `up` shows: where everything is and what to paste, and no password."""

import shlex
from pathlib import Path

import pytest

from judgify.cli.up_screen import banner, open_screen
from judgify.stack.plan import StackOptions
from judgify.stack.state import ProcessState, StackState

STATE = StackState(
    pid=7,
    started_at="2026-01-01T00:00:00.000Z",
    kafka_bootstrap_servers="127.0.0.1:20001",
    database_url="postgresql://judgify:hidden@127.0.0.1:20002/judgify",
    redis_url="redis://:hidden@127.0.0.1:20003/0",
    llm="judgify-fake at http://127.0.0.1:20004/v1 (a stand-in, no model: set OPENAI_API_KEY)",
    ports={},
    processes={"rule-agent": ProcessState(pid=8, port=8_002)},
)


@pytest.mark.parametrize("detach", [True, False])
def test_the_banner_names_every_address_and_no_password(tmp_path: Path, *, detach: bool) -> None:
    said = "\n".join(banner(STATE, StackOptions(tmp_path), detach=detach))

    ports = (20_001, 20_002, 20_003, 20_004, 8_002)
    assert all(f"127.0.0.1:{port}" in said for port in ports)
    assert "LLM            judgify-fake at" in said
    assert "hidden" not in said
    assert ("Ctrl-C" in said) is not detach


def test_every_command_of_the_banner_finds_this_data_directory(tmp_path: Path) -> None:
    home = tmp_path / "a directory; with $signs"

    lines = list(banner(STATE, StackOptions(home), detach=True))

    commands = [line for line in lines if "judgify " in line and "--data-dir" in line]
    assert len(commands) == 5
    assert all(str(home) in shlex.split(line.replace('eval "$(', "").replace(')"', ""))
               for line in commands)  # fmt: skip


def test_without_agents_nothing_is_proposed_that_needs_them(tmp_path: Path) -> None:
    said = "\n".join(banner(STATE, StackOptions(tmp_path, services_only=True), detach=True))

    assert "send" not in said
    assert "env" in said


def test_in_a_pipe_each_event_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_screen(StackOptions(tmp_path), detach=False) as screen:
        screen.begin("kafka", "Kafka 4.3.1")
        screen.progress(0, 2_097_152)
        screen.progress(1_000, 2_097_152)
        screen.progress(2_097_152, 2_097_152)
        screen.ready("kafka", "Kafka 4.3.1", "127.0.0.1:20001", 3.04)
        screen.remark("no Redis")

    assert capsys.readouterr().out.splitlines() == [
        "fetching Kafka: 2 MiB of jars, kept for all later starts",
        "fetched Kafka: 2 MiB of jars, kept for all later starts",
        "Kafka 4.3.1      127.0.0.1:20001        ready in 3.0 s",
        "no Redis",
    ]
