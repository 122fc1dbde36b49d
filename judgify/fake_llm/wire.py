"""Faults of the wire: answers that are late, broken, huge, or none."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from judgify.fake_llm.refusals import refuse_on_purpose
from judgify.fake_llm.script import Fault, FaultKind

HANG_S_MAX: Final = 600.0
HUGE_BYTES: Final = 50_000_000
CHUNK_BYTES: Final = 65_536
RESET: Final = "judgify.reset"
"""The extension of the ASGI scope that breaks a connection."""
ELSEWHERE: Final = "http://127.0.0.2:9/v1"
"""Where a redirect leads: nobody should follow."""
_JSON: Final = "application/json"
_PAGE: Final = b"<!doctype html><title>502</title><h1>Bad gateway</h1><p>judgify fake-llm</p>"


class Spoiled(NamedTuple):
    """A good answer that is to be spoiled."""

    fault: Fault
    request: Request
    good: bytes

    async def reset(self) -> None:
        """Break the connection, and return when it is broken."""
        self.request.scope["extensions"][RESET]()
        await self.wait_for_disconnect()

    async def wait_for_disconnect(self) -> None:
        """Return when the caller is gone, or after HANG_S_MAX."""
        try:
            async with asyncio.timeout(HANG_S_MAX):
                while (await self.request.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return


async def break_wire(fault: Fault, request: Request, good: bytes) -> Response | None:
    """Return the answer that `fault` makes of the `good` one; None when it is none of the wire."""
    spoil = _FAULTS.get(fault.kind)
    if spoil is None:
        return refuse_on_purpose(fault)
    return await spoil(Spoiled(fault, request, good))


async def _hang(spoiled: Spoiled) -> Response:
    await spoiled.wait_for_disconnect()
    return Response(status_code=499)


async def _reset(spoiled: Spoiled) -> Response:
    await spoiled.reset()
    return Response(status_code=499)


async def _drip(spoiled: Spoiled) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        for index in range(len(spoiled.good)):
            yield spoiled.good[index : index + 1]
            await asyncio.sleep(spoiled.fault.pause_ms / 1000)

    return _stream(drops(), {"content-length": str(len(spoiled.good))})


async def _truncate(spoiled: Spoiled) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield spoiled.good[: len(spoiled.good) // 2]
        await asyncio.sleep(0.05)  # let it leave before the connection breaks
        await spoiled.reset()

    return _stream(half(), {"content-length": str(len(spoiled.good))})


async def _send_page(_: Spoiled) -> Response:
    return Response(_PAGE, media_type="text/html")


async def _send_garbage(_: Spoiled) -> Response:
    return Response(bytes(range(256)) * 4, media_type=_JSON)


async def _send_elsewhere(_: Spoiled) -> Response:
    return Response(status_code=307, headers={"location": ELSEWHERE})


async def _send_huge(_: Spoiled) -> Response:
    return _stream(_as_async(_huge()))


async def _send_bomb(_: Spoiled) -> Response:
    return _stream(_as_async(_compress(_huge())), {"content-encoding": "gzip"})


_FAULTS: Final[Mapping[FaultKind, Callable[[Spoiled], Awaitable[Response]]]] = {
    "hang": _hang,
    "reset": _reset,
    "drip": _drip,
    "truncated": _truncate,
    "html": _send_page,
    "garbage": _send_garbage,
    "redirect": _send_elsewhere,
    "huge": _send_huge,
    "gzip_bomb": _send_bomb,
}


async def _as_async(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _huge() -> Iterator[bytes]:
    """Yield a JSON document of HUGE_BYTES, whose text is one letter."""
    yield b'{"object":"response","status":"completed","output":[{"type":"message","content":"'
    for _ in range(HUGE_BYTES // CHUNK_BYTES):
        yield b"a" * CHUNK_BYTES
    yield b'"}]}'


def _compress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _stream(chunks: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> Response:
    return StreamingResponse(chunks, media_type=_JSON, headers=headers)
