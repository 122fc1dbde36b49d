"""A member that never comes to be leaves nothing behind."""

import asyncio
import threading

import pytest

from schemas.errors import DependencyError
from stream import member
from tests.support.waiting import wait_until_async


def find_threads() -> set[threading.Thread]:
    return {it for it in threading.enumerate() if isinstance(it, member._DaemonWorker)}


async def listen() -> tuple[asyncio.Server, str]:
    """Return a server that takes connections and never says anything, and its address."""

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    return server, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_broker_that_never_answers_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(member, "OPEN_TIMEOUT_S", 0.2)
    before = find_threads()
    server, address = await listen()

    with pytest.raises(DependencyError, match="TimeoutError"):
        await member.open_member("judgify.test", address)

    await wait_until_async(lambda: find_threads() <= before, what="the thread to end")
    server.close()


async def test_a_stop_while_connecting_leaves_no_thread() -> None:
    before = find_threads()
    server, address = await listen()
    opening = asyncio.create_task(member.open_member("judgify.test", address))
    await wait_until_async(lambda: find_threads() - before, what="the thread to begin")

    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    await wait_until_async(lambda: find_threads() <= before, what="the thread to end")
    server.close()
