"""The health door, spoken to over real sockets: what it answers, and whom it cuts."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import aiohttp.http_parser
import pytest

from runtime import health
from runtime.health import HealthServer
from schemas.errors import FatalError
from tests.support.waiting import wait_until_async

Reply = tuple[int, Any]


class Process:
    """What a process tells its health door."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def status(self) -> dict[str, Any]:
        return {"process": "rule-agent", "ready": not self.problems}


@pytest.fixture
def told() -> Process:
    return Process()


@pytest.fixture
async def server(told: Process) -> AsyncIterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0, lambda: told.problems, told.status)
    await server.start()
    yield server
    await server.stop()


async def fetch(server: HealthServer, path: str) -> aiohttp.ClientResponse:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        await response.read()
        return response


async def send(server: HealthServer, raw: bytes, timeout_s: float = 10) -> bytes:
    """Return all that the server says to `raw` until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(raw)
    try:
        return await asyncio.wait_for(reader.read(), timeout_s)
    except ConnectionResetError:
        return b""
    finally:
        await hang_up(writer)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_health_answers_while_the_loop_turns(server: HealthServer, told: Process) -> None:
    told.problems = ["Kafka does not answer"]

    response = await fetch(server, "/health")

    assert response.status == 200
    assert await response.json() == {"status": "healthy"}


async def test_ready_says_why_not(server: HealthServer, told: Process) -> None:
    before = await fetch(server, "/ready")
    told.problems = ["Kafka does not answer"]
    after = await fetch(server, "/ready")

    assert (before.status, await before.json()) == (200, {"ready": True, "problems": []})
    assert after.status == 503
    assert await after.json() == {"ready": False, "problems": ["Kafka does not answer"]}


async def test_metrics_are_prometheus_text(server: HealthServer) -> None:
    response = await fetch(server, "/metrics")

    text = await response.text()
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE judgment_requests_total counter" in text
    assert "process_resident_memory_bytes" in text


async def test_status_is_what_the_process_tells(server: HealthServer) -> None:
    response = await fetch(server, "/status")

    assert await response.json() == {"process": "rule-agent", "ready": True}


@pytest.mark.parametrize("path", ["/", "/health/", "/metrics/x", "/../status", "/%2e%2e/status"])
async def test_nothing_else_is_served(server: HealthServer, path: str) -> None:
    answer = await send(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 404")


async def test_every_answer_ends_its_connection(server: HealthServer) -> None:
    answer = await send(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"aiohttp" not in answer


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"GET /" + b"a" * 4_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 4_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 100_000,
    ],
)
async def test_a_malformed_or_oversized_request_is_refused(
    server: HealthServer, raw: bytes
) -> None:
    answer = await send(server, raw)

    assert b" 200 " not in answer
    assert (await fetch(server, "/health")).status == 200


@pytest.mark.parametrize("raw", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: x\r\n"])
async def test_a_request_that_never_ends_is_cut(server: HealthServer, raw: bytes) -> None:
    start = time.monotonic()

    await send(server, raw, health.CONNECTION_S_MAX)

    assert time.monotonic() - start < health.IDLE_S_MAX + 1


async def test_a_request_that_drips_is_cut(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CONNECTION_S_MAX", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def drip() -> None:
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        while not reader.at_eof():
            writer.write(b"X: 1\r\n")
            await asyncio.sleep(0.1)

    dripping = asyncio.ensure_future(drip())
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 2.5) == b""
    dripping.cancel()
    await hang_up(writer)


async def test_idle_connections_never_shut_out_a_probe(server: HealthServer) -> None:
    idle = [
        await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(2 * health.CONNECTIONS_MAX)
    ]

    answers = [(await fetch(server, "/health")).status for _ in range(5)]

    assert answers == [200] * 5
    for _, writer in idle:
        await hang_up(writer)


async def test_open_connections_are_bounded_and_the_oldest_is_cut_first(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CONNECTIONS_MAX", 3)
    opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]

    for reader, _ in opened[:2]:
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), health.IDLE_S_MAX / 2) == b""
    _, newest = opened[-1]
    newest.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await opened[-1][0].read()).startswith(b"HTTP/1.1 200")
    for _, writer in opened:
        await hang_up(writer)


async def test_those_who_come_all_at_once_are_bounded_too(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CONNECTIONS_MAX", 4)
    place = ("127.0.0.1", server.port)
    with contextlib.ExitStack() as opened:
        # They wait in the kernel together, so that the loop accepts all of them in one turn.
        waiting = [opened.enter_context(socket.create_connection(place)) for _ in range(40)]

        await wait_until_async(
            lambda: sum(map(is_cut, waiting)) >= 36, health.IDLE_S_MAX / 2, what="36 to be cut"
        )
        assert (await fetch(server, "/health")).status == 200


def is_cut(connection: socket.socket) -> bool:
    """Say whether the other side has hung up."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


async def test_a_burst_of_probes_is_answered(server: HealthServer) -> None:
    """Those that were answered a moment ago take no place."""
    rounds = [
        await asyncio.gather(
            *(fetch(server, "/health") for _ in range(health.CONNECTIONS_MAX // 2))
        )
        for _ in range(6)
    ]

    assert {answer.status for answers in rounds for answer in answers} == {200}


async def test_a_busy_port_names_its_owner(server: HealthServer) -> None:
    second = HealthServer("127.0.0.1", server.port, list, dict)

    with pytest.raises(FatalError, match=rf"port {server.port} is taken by pid \d+ \("):
        await second.start()
    await second.stop()


async def test_an_address_that_is_not_ours_says_so() -> None:
    server = HealthServer("192.0.2.1", 0, list, dict)

    with pytest.raises(FatalError, match=r"cannot listen on 192\.0\.2\.1"):
        await server.start()


async def test_the_python_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    python_parser = aiohttp.http_parser.HttpRequestParserPy
    monkeypatch.setattr(aiohttp.http_parser, "HttpRequestParser", python_parser)

    with pytest.raises(FatalError, match="pure-Python"):
        await HealthServer("127.0.0.1", 0, list, dict).start()


async def test_stopping_frees_the_port_at_once(server: HealthServer) -> None:
    _, idle = await asyncio.open_connection("127.0.0.1", server.port)
    start = time.monotonic()

    await server.stop()
    await server.stop()
    again = HealthServer("127.0.0.1", server.port, list, dict)
    await again.start()

    assert time.monotonic() - start < 2 * health.STOP_TIMEOUT_S
    await again.stop()
    await hang_up(idle)
