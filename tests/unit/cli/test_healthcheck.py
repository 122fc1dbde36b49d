"""`judgify healthcheck`: what a container engine learns of a process, over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from judgify.cli.healthcheck import ask_health, healthcheck
from runtime.health import HealthServer


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
async def server(problems: list[str]) -> AsyncIterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0, lambda: problems, dict)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every process a port on which nobody listens."""
    for name in ("RULE_AGENT", "POSTGRES_SINK"):
        monkeypatch.setenv(f"JUDGIFY_{name}_PORT", str(free_port()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def run(**options: Any) -> int:
    """Return the exit code."""
    try:
        await asyncio.to_thread(lambda: healthcheck(**({"name": None, "port": None} | options)))
    except SystemExit as end:
        return int(str(end.code))
    return 0


async def test_a_process_that_turns_is_healthy(
    server: HealthServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(name="rule-agent", port=server.port, ready=False) == 0
    assert capsys.readouterr().out == "rule-agent is healthy\n"


async def test_a_process_that_is_not_ready_is_healthy_all_the_same(
    server: HealthServer, problems: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    problems.append("workflows: not read to the end")

    assert await run(name="rule-agent", port=server.port, ready=False) == 0
    assert await run(name="rule-agent", port=server.port, ready=True) == 1
    assert "rule-agent: workflows: not read to the end" in capsys.readouterr().err


@pytest.mark.usefixtures("nobody")
async def test_without_a_name_the_one_that_runs_is_asked(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUDGIFY_POSTGRES_SINK_PORT", str(server.port))

    assert await run(ready=True) == 0
    assert capsys.readouterr().out == "postgres-sink is ready\n"


@pytest.mark.usefixtures("nobody")
async def test_where_nothing_runs_nothing_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(ready=False) == 1
    assert "no process listens" in capsys.readouterr().err


async def test_a_name_that_no_process_has_is_misuse() -> None:
    assert await run(name="rule-agnet", ready=False) == 2


async def test_every_address_of_the_container_is_asked_on_loopback(server: HealthServer) -> None:
    health = await asyncio.to_thread(ask_health, "0.0.0.0", server.port, "/health")  # noqa: S104 -- asked, not bound

    assert health.well


async def test_whoever_listens_and_does_not_answer_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("judgify.cli.healthcheck.ANSWER_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        health = await asyncio.to_thread(
            ask_health, "127.0.0.1", silent.getsockname()[1], "/health"
        )

    assert health.well is False
    assert "TimeoutError" in health.said
