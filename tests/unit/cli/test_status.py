"""`judgify status`: exit codes, words, JSON, and that nothing that is away makes it wait."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from judgify.cli import status as command
from judgify.cli.context import CliContext
from judgify.status import gather as gathering
from judgify.status.probe import BYTES_MAX, ask_process
from judgify.status.snapshot import Snapshot
from runtime.settings import load_settings
from schemas.errors import FatalError

STATUS: dict[str, Any] = {
    "process": "rule-agent",
    "version": "0.1.0",
    "pid": 1,
    "started_at": "2026-11-21T12:00:00.000Z",
    "ready": True,
    "problems": [],
    "group": "judgify.rule-agent",
    "partitions": [
        {
            "topic": "judgify.requests.v1", "partition": 0, "first_unfinished": 5, "log_end": 9,
            "in_flight": 4, "oldest_unfinished_s": 0.5, "held": None, "new_member": 1,
        }
    ],
    "dead_letters": {"unreadable": 2},
    "workflows": [
        {"workflow_id": "milling", "version": "ab" * 32, "number": 14, "since": "2026-11-21T12:00:00.000Z", "author": "kim"}
    ],
    "switches": {
        "llm.enabled": {"value": False, "source": "control", "author": "kim", "note": "night shift"},
        "ingest.deny_cidrs": {"value": [], "source": "default"},
    },
}  # fmt: skip


def snapshot(**more: Any) -> Snapshot:
    process = {"name": "rule-agent", "host": "127.0.0.1", "port": 8002, "status": STATUS}
    return Snapshot.model_validate({"data_dir": "/data", "processes": [process]} | more)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Snapshot], None]:
    """Makes the command see a given snapshot."""

    def see(found: Snapshot) -> None:
        async def gather(_context: object) -> Snapshot:
            return found

        monkeypatch.setattr(command, "gather", gather)
        monkeypatch.setattr(command, "open_context", lambda _dir: None)

    return see


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command.app, list(arguments))
    return result.exit_code, result.stdout


def test_all_well_exits_0_and_shows_how_each_part_stands(
    seen: Callable[[Snapshot], None],
) -> None:
    seen(snapshot(dead_letters=[]))

    code, text = run()

    assert code == 0
    assert text.startswith("All is well.")
    assert "127.0.0.1:8002  ready  2026-11-21T12:00:00.000Z" in text
    assert "milling@14 abababababab since 2026-11-21T12:00:00.000Z by kim" in text
    assert "llm.enabled = false (control by kim: night shift)" in text
    assert "ingest.deny_cidrs" not in text
    assert "last hour: none" in text


def test_a_problem_comes_first_and_exits_1(seen: Callable[[Snapshot], None]) -> None:
    seen(snapshot(topics_missing=["judgify.control.v1"]))

    code, text = run()

    assert code == 1
    assert text.startswith("✗ Kafka has no topic judgify.control.v1.")


def test_json_is_one_document_with_the_problems(seen: Callable[[Snapshot], None]) -> None:
    seen(snapshot(topics_missing=["judgify.control.v1"]))

    code, text = run("--json")

    document = json.loads(text)
    assert code == 1
    assert document["problems"][0]["do"] == "`judgify topics create`"
    assert document["processes"][0]["lag_records"] == 4
    assert document["processes"][0]["up"] is True


def test_errors_reused_ids_and_restarts_are_shown_but_are_nobodys_alarm(
    seen: Callable[[Snapshot], None],
) -> None:
    seen(
        snapshot(
            errors=[{"workflow_id": "milling", "code": "invalid_input", "records": 1_204}],
            conflicts=[{"workflow_id": "milling", "records": 7}],
            restarts=[{"name": "kafka", "restarts_total": 2, "last_exit": "killed by SIGKILL"}],
        )
    )

    code, text = run()

    assert code == 0
    assert "errors        last hour: invalid_input 1,204 (milling)" in text
    assert "reused ids    last hour, with other content, not stored: milling 7" in text
    assert "restarts      kafka 2 (last end: killed by SIGKILL)" in text


def test_without_postgres_the_counts_of_the_processes_are_shown(
    seen: Callable[[Snapshot], None],
) -> None:
    seen(snapshot())

    assert "since the processes started: unreadable 2" in run()[1]


def test_what_a_process_says_does_not_drive_the_terminal(
    seen: Callable[[Snapshot], None],
) -> None:
    process = {
        "name": "rule-agent", "host": "127.0.0.1", "port": 8002,
        "status": STATUS | {"ready": False, "problems": ["\x1b[2J[bold]x"]},
    }  # fmt: skip
    seen(snapshot(processes=[process]))

    text = run()[1]

    assert "\x1b" not in text
    assert "[bold]x" in text


def test_no_stack_exits_1_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)

    code, text = run("--data-dir", str(tmp_path))

    assert code == 1
    assert "`judgify up`" in text


def test_a_misconfiguration_is_not_taken_for_a_missing_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")

    result = CliRunner().invoke(command.app, [])

    assert isinstance(result.exception, FatalError)


@asynccontextmanager
async def answering(body: bytes, status: int = 200, delay_s: float = 0) -> AsyncIterator[int]:
    """Serve `body` on /status of a free port."""

    async def show(_request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get("/status", show)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield int(site.name.rsplit(":", 1)[1])
    finally:
        await runner.cleanup()


async def test_a_process_that_answers_is_understood() -> None:
    async with answering(json.dumps(STATUS).encode()) as port:
        status, error = await ask_process("127.0.0.1", port)

    assert error is None
    assert status is not None
    assert status.partitions[0].lag_records == 4


@pytest.mark.parametrize(
    ("body", "code", "expected"),
    [
        (b"<html>", 200, "no process of Judgify"),
        (b"[]", 200, "no process of Judgify"),
        (b'{"process": 1}', 200, "no process of Judgify"),
        (b"[" * 100_000, 200, "no process of Judgify"),
        (b"{}", 404, "answers 404"),
        (b" " * (BYTES_MAX + 1), 200, "no HTTP answer"),
    ],
)
async def test_whoever_else_sits_on_the_port_is_refused(
    body: bytes, code: int, expected: str
) -> None:
    async with answering(body, code) as port:
        status, error = await ask_process("127.0.0.1", port)

    assert status is None
    assert expected in str(error)


async def test_a_silent_process_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.status.probe.TIMEOUT_S", 0.2)
    async with answering(b"{}", delay_s=30) as port:
        status, error = await ask_process("127.0.0.1", port)

    assert (status, error) == (None, "no answer within 0.2 s")


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that accepts connections and says nothing: a stopped process, a black hole."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


async def test_everything_dead_is_told_within_5_s(mute_port: int, tmp_path: Path) -> None:
    url = f"postgresql://judgify:hunter2@127.0.0.1:{mute_port}/judgify"
    settings = load_settings(
        {f"{name}_port": mute_port for name in ("rule_agent", "llm_agent", "postgres_sink")},
        environment={},
    )
    context = CliContext(settings, f"127.0.0.1:{mute_port}", url, None, tmp_path)
    start = time.monotonic()

    found = await gathering.gather(context)

    assert time.monotonic() - start < 4
    assert [view.trouble for view in found.dependencies] == ["mute", "mute"]
    assert [process.up for process in found.processes] == [False] * 3
    assert "hunter2" not in found.model_dump_json()
