"""Hosting: the frame around a process's status, its bounds, its port, its end."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from judgify.cli import run as run_module
from judgify.cli.port_option import parse_port
from judgify.cli.run import PROCESSES, load_process
from judgify.processes import host, postgres_sink, rule_agent
from runtime.clock import BrokerClock, SystemClock, format_ms
from runtime.settings import Settings, load_settings
from schemas.errors import FatalError
from tests.support.clock import FakeClock


def load(**overrides: Any) -> Settings:
    known = {"kafka_bootstrap_servers": "127.0.0.1:1"} | overrides
    return load_settings(known, environment={}, dotenv=Path("/nonexistent/.env"))


@pytest.mark.parametrize(
    ("text", "port"), [("auto", 0), ("0", 0), ("8002", 8_002), ("65535", 65_535)]
)
def test_a_port_is_a_number_or_auto(text: str, port: int) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize("text", ["65536", "-1", "+1", "1.0", "", " 80", "http", "٣", "1_000"])
def test_what_is_no_port_is_misuse(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_port(text)

    assert caught.value.code == 2
    assert f"{text!r} is not a port" in capsys.readouterr().err


def test_a_process_that_nobody_knows_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_module.run("postgres-sinc")

    assert caught.value.code == 2
    assert "rule-agent, llm-agent, postgres-sink" in capsys.readouterr().err


@pytest.mark.parametrize("problems", [[], ["joining the group"]])
def test_the_frame_says_who_it_is_and_whether_it_is_ready(problems: list[str]) -> None:
    clock = FakeClock()
    process = SimpleNamespace(problems=lambda: problems, status=lambda: {"group": "g"})

    frame = host._frame("echo", clock, process)  # type: ignore[arg-type]  # -- what it asks of it
    started_ms = clock.wall_ms()
    clock.advance(60)

    assert frame() == {
        "process": "echo",
        "version": host.ENGINE,
        "pid": os.getpid(),
        "started_at": format_ms(started_ms),
        "ready": not problems,
        "problems": problems,
        "group": "g",
    }


def test_bounds_and_limits_come_from_the_settings() -> None:
    settings = load(
        stream_backlog_records=5_000,
        stream_backlog_bytes=20_000_000,
        stream_poll_records=500,
        revoke_timeout_s=3.0,
        watchdog_timeout_s=12.0,
        shutdown_timeout_s=9.5,
    )

    bounds, limits = host.bounds_of(settings), host.limits_of(settings)

    assert (bounds.records, bounds.size_bytes, bounds.poll_records) == (5_000, 20_000_000, 500)
    assert bounds.revoke_timeout_s == 3.0
    assert (limits.loop_s, limits.shutdown_s) == (12.0, 9.5)


def test_the_end_is_at_once_with_its_code_and_all_that_was_said() -> None:
    program = (
        "import threading; from judgify.processes.host import end_process;"
        "threading.Thread(target=threading.Event().wait).start();"
        "print('last words'); end_process(7); print('alive')"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, timeout=30
    )

    assert ended.returncode == 7
    assert ended.stdout == b"last words\n"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_put_together_from_settings_alone(name: str) -> None:
    settings = load(
        topic_prefix="u.", database_url="postgresql://u@127.0.0.1:1/u", openai_model="m"
    )

    spec = load_process(name)(settings, BrokerClock(SystemClock()))

    topics = {*spec.topics_needed, *spec.topics_equal, spec.requests_topic}
    assert spec.agent == name
    assert spec.group == settings.group(name)
    assert spec.bootstrap_servers == "127.0.0.1:1"
    assert all(topic.startswith("u.") for topic in topics)
    assert spec.dead_letters_topic in topics
    assert "u.control.v1" in topics
    assert spec.skips() == {}
    assert replace(spec.bounds, few={}) == host.bounds_of(settings)
    assert spec.limits == host.limits_of(settings)


def test_topics_whose_partition_numbers_carry_over_must_be_equal() -> None:
    spec = rule_agent.make_spec(load(topic_prefix="u."), BrokerClock(SystemClock()))

    assert set(spec.topics_equal) == {"u.requests.v1", "u.results.v1", "u.escalations.v1"}


def test_a_sink_without_a_database_is_refused_with_what_to_do() -> None:
    with pytest.raises(FatalError, match=r"DATABASE_URL is not set.*judgify up"):
        postgres_sink.make_spec(load(database_url=None), BrokerClock(SystemClock()))


def test_a_request_to_stop_before_the_process_is_put_together_ends_it_well() -> None:
    script = (
        "import os, signal\n"
        "from judgify.processes.host import run_process\n"
        "from runtime.settings import Settings\n"
        "def make_spec(settings, clock):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "run_process('rule-agent', make_spec, Settings(), 0)\n"
    )

    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=30)

    assert ended.returncode == 0
