"""The health door of a process: `/health` `/ready` `/metrics` `/status`, for machines on this host.

`/health` asks nothing: a probe that asks Kafka would restart every copy on one blip. The server
keeps few connections, reads no body, and cuts every connection after `CONNECTION_S_MAX`: aiohttp
alone would keep a half-sent request open for as long as its sender likes. When all are taken, the
oldest is cut for the newcomer: an answer takes milliseconds, so whoever is there longest is no
probe, and nobody shuts the probes out by holding connections.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import aiohttp.http_parser
import orjson
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from typing_extensions import override

from runtime.metrics import REGISTRY
from runtime.port_owner import owner_of
from schemas.errors import FatalError

CONNECTIONS_MAX: Final = 64
CONNECTION_S_MAX: Final = 10.0
IDLE_S_MAX: Final = 3.0
"""How long a connection may take to send its request line and headers."""
LINE_BYTES_MAX: Final = 1_024
HEADERS_MAX: Final = 50
BODY_BYTES_MAX: Final = 1
"""No route reads a body; aiohttp takes 0 for unlimited."""
STOP_TIMEOUT_S: Final = 1.0
SWEEP_S: Final = 0.5
HEADERS: Final = {
    "Server": "judgify",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HealthServer:
    """Serves the health of one process; `port` is the real one after `start`."""

    def __init__(
        self,
        host: str,
        port: int,
        problems: Callable[[], list[str]],
        status: Callable[[], dict[str, Any]],
    ) -> None:
        """Listen on `host:port` (0 is any free port) once started.

        `problems` tells why the process is not ready, one text each; both run on the event loop
        and must not block.
        """
        self.host = host
        self.port = port
        self._problems = problems
        self._status = status
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._opened: dict[RequestHandler, float] = {}
        """When each connection was accepted, by the loop's clock; the oldest first."""
        self._arriving: set[RequestHandler] = set()
        """Accepted, but aiohttp has not been told yet."""

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            FatalError: the port is taken (its owner is named) or the address is not ours.
        """
        _require_native_parser()
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[_harden])
        app.add_routes(
            [
                web.get("/health", self._show_health),
                web.get("/ready", self._show_ready),
                web.get("/metrics", self._show_metrics),
                web.get("/status", self._show_status),
            ]
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=IDLE_S_MAX,
            lingering_time=0,
            shutdown_timeout=STOP_TIMEOUT_S,
            max_line_size=LINE_BYTES_MAX,
            max_field_size=LINE_BYTES_MAX,
            max_headers=HEADERS_MAX,
            auto_decompress=False,
        )
        await self._runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._accept, self.host, self.port, backlog=CONNECTIONS_MAX
            )
        except OSError as error:
            await self._runner.cleanup()
            raise FatalError(_describe_bind(self.host, self.port, error)) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut what is open; safe to call twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _accept(self) -> asyncio.Protocol:
        """Return what speaks with a new connection; when there are too many, the oldest is cut."""
        server = self._runner.server if self._runner else None
        if server is None or not self._make_room(server):
            return _Refusal()
        loop = asyncio.get_running_loop()
        speaker = server()
        if not self._opened:
            loop.call_later(SWEEP_S, self._sweep)
        self._opened[speaker] = loop.time()
        self._arriving.add(speaker)
        # asyncio tells it of its connection in the next turn; the turn after that it has arrived.
        loop.call_soon(loop.call_soon, self._arriving.discard, speaker)
        return speaker

    def _make_room(self, server: web.Server) -> bool:
        """Cut the oldest connection if there are too many; False: all of them came just now."""
        if len(self._opened) < CONNECTIONS_MAX:
            return True
        self._forget_closed(server)
        for speaker in list(self._opened):
            if len(self._opened) < CONNECTIONS_MAX:
                break
            if speaker.transport is not None:
                del self._opened[speaker]
                speaker.transport.abort()
        return len(self._opened) < CONNECTIONS_MAX

    def _forget_closed(self, server: web.Server | None) -> None:
        known = self._arriving.union(server.connections if server else ())
        self._opened = {it: at for it, at in self._opened.items() if it in known}

    def _sweep(self) -> None:
        """Cut connections that are open for too long, whatever they are doing."""
        self._forget_closed(self._runner.server if self._runner else None)
        loop = asyncio.get_running_loop()
        for speaker, opened_s in self._opened.items():
            if loop.time() - opened_s > CONNECTION_S_MAX and speaker.transport is not None:
                speaker.transport.abort()
        if self._opened:
            loop.call_later(SWEEP_S, self._sweep)

    async def _show_health(self, _request: web.Request) -> web.Response:
        return _json({"status": "healthy"})

    async def _show_ready(self, _request: web.Request) -> web.Response:
        problems = self._problems()
        return _json({"ready": not problems, "problems": problems}, 503 if problems else 200)

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _show_status(self, _request: web.Request) -> web.Response:
        return _json(self._status())


class _Refusal(asyncio.Protocol):
    """Cuts its connection."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", charset="utf-8"
    )


@web.middleware
async def _harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer one request per connection, and tell nothing about the server."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.force_close()
        error.headers.update(HEADERS)
        raise
    response.force_close()
    response.headers.update(HEADERS)
    return response


def _require_native_parser() -> None:
    """Refuse aiohttp's parser in Python: it has read requests differently from everybody else."""
    if aiohttp.http_parser.HttpRequestParser is aiohttp.http_parser.HttpRequestParserPy:
        raise FatalError(
            "aiohttp runs on its pure-Python HTTP parser: install a wheel with its C extensions, "
            "and unset AIOHTTP_NO_EXTENSIONS"
        )


def _describe_bind(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by {owner_of(port)}: stop that, or use --port N or auto"
    return f"cannot listen on {host}:{port} ({error.strerror}): set JUDGIFY_HOST to an own address"
