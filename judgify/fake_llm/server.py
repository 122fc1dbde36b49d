"""The stand-in as a process: listens, answers, and ends with 0 when asked to."""

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from judgify.fake_llm.wire import RESET
from schemas.errors import FatalError

SHUTDOWN_S: Final = 1
"""What is under way may take so long to end; hangs do not."""
KEEPALIVE_S: Final = 75
BACKLOG: Final = 1_024
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class _Protocol(HttpToolsProtocol):
    """Lets the application break its connection, which ASGI has no word for."""

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {RESET: self._reset}
        self.scope["extensions"] = extensions

    def _reset(self) -> None:
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.transport.abort()


class _Server(uvicorn.Server):
    """Ends by SIGTERM and Ctrl-C as by a wish, and not by the signal; tells when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def serve(app: Starlette, host: str, port: int, announce: Callable[[int], None]) -> None:
    """Answer on `host:port` (0: any free port) until SIGTERM or Ctrl-C; announces the port.

    Raises:
        FatalError: the address is taken or not ours.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEPALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    _Server(config, lambda: announce(listener.getsockname()[1])).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise FatalError(
            f"cannot listen on {host}:{port}: {error.strerror}: take another --port, or auto"
        ) from error
