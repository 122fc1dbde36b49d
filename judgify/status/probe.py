"""Asking a process how it stands, over its health door."""

import asyncio
import errno
import os
from typing import Final

import aiohttp
from pydantic import ValidationError

from judgify.status.snapshot import ProcessStatus
from schemas.decode import parse_json
from schemas.errors import MessageError

TIMEOUT_S: Final = 1.0
ACCEPT_TIMEOUT_S: Final = 0.5
BYTES_MAX: Final = 4_194_304
"""Whoever sits on that port may not fill our memory."""


async def ask_process(host: str, port: int) -> tuple[ProcessStatus | None, str | None]:
    """Return what the process on `host:port` says of itself, or why there is no answer."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{_bracketed(host)}:{port}/status") as response,
        ):
            raw = await _read(response)
            if response.status != 200:
                return None, f"it answers {response.status} on /status"
        return ProcessStatus.model_validate(parse_json(raw, BYTES_MAX)), None
    except (MessageError, ValidationError):
        return None, "what answers there is no process of Judgify"
    except TimeoutError:
        return None, f"no answer within {TIMEOUT_S:g} s"
    except aiohttp.ClientConnectorError as error:
        return None, os.strerror(error.os_error.errno or errno.ECONNREFUSED).lower()
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return None, f"no HTTP answer ({type(error).__name__})"


async def accepts_connections(host: str, port: int) -> bool:
    """Say whether somebody listens on `host:port`, whatever they then say."""
    try:
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > BYTES_MAX:
            raise ValueError
    return bytes(raw)


def _bracketed(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- asked, not bound
    return f"[{host}]" if ":" in host else host


async def ask_processes(
    places: list[tuple[str, int]],
) -> list[tuple[ProcessStatus | None, str | None]]:
    """Return the answers of all `places`, asked at once."""
    return await asyncio.gather(*(ask_process(host, port) for host, port in places))
