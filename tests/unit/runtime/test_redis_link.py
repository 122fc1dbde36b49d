"""Laws of the way to Redis: nobody waits for one that is away, nobody sees its password."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis.asyncio as redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from runtime.metrics import REGISTRY
from runtime.redis_link import CONNECTIONS_MAX, DEPENDENCY, PAUSE_S, RedisAway, RedisLink
from tests.support.clock import FakeClock

URL = "redis://:s3cret@127.0.0.1:1/0"
PATIENCE_S = 10.0
"""Of callers on a busy machine."""


def up() -> float | None:
    return REGISTRY.get_sample_value("dependency_up", {"name": DEPENDENCY})


def fail(error: Exception) -> Callable[[redis.Redis], Awaitable[Any]]:
    async def command(_client: redis.Redis) -> None:
        raise error

    return command


async def answer(_client: redis.Redis) -> str:
    return "PONG"


async def test_without_an_address_nothing_is_asked() -> None:
    link = RedisLink(None, FakeClock())

    with pytest.raises(RedisAway, match="is not used") as caught:
        await link.ask(answer)

    assert not caught.value.asked
    assert not link.used
    await link.close()


async def test_the_switch_turns_it_off_and_on_again_and_no_alarm_rings_meanwhile() -> None:
    on = True
    link = RedisLink(URL, FakeClock(), enabled=lambda: on)
    with pytest.raises(RedisAway):
        await link.ask(fail(OSError("gone")))
    assert up() == 0

    on = False
    with pytest.raises(RedisAway, match="is not used"):
        await link.ask(answer)
    assert (link.used, link.failure, up()) == (False, None, None)

    on = True
    assert await link.ask(answer) == "PONG"
    assert up() == 1
    await link.close()


@pytest.mark.parametrize(
    "error",
    [
        RedisConnectionError("refused"),
        ResponseError("WRONGTYPE"),
        OSError(111, "refused"),
        TimeoutError(),
    ],
    ids=repr,
)
async def test_whatever_redis_does_is_one_error_that_says_where(error: Exception) -> None:
    link = RedisLink(URL, FakeClock())

    with capture_logs() as logs, pytest.raises(RedisAway, match=r"127\.0\.0\.1:1") as caught:
        await link.ask(fail(error))

    assert caught.value.asked
    assert caught.value.__cause__ is error
    assert "s3cret" not in f"{caught.value}{logs}{link.failure}"
    await link.close()


async def test_a_bug_of_ours_is_no_failure_of_redis() -> None:
    link = RedisLink(URL, FakeClock())

    with pytest.raises(KeyError):
        await link.ask(fail(KeyError("ours")))

    assert link.failure is None
    await link.close()


async def test_after_a_failure_one_caller_tries_per_pause_and_the_others_do_not_wait() -> None:
    clock = FakeClock()
    link = RedisLink(URL, clock)
    tried = 0
    release = asyncio.Event()

    async def hang(_client: redis.Redis) -> None:
        nonlocal tried
        tried += 1
        await release.wait()
        raise TimeoutError

    with pytest.raises(RedisAway):
        await link.ask(fail(TimeoutError()))
    clock.advance(PAUSE_S)
    attempts = [asyncio.ensure_future(link.ask(hang)) for _ in range(20)]
    done, waiting = await asyncio.wait(attempts, timeout=0.05)

    assert (tried, len(done), len(waiting)) == (1, 19, 1)
    assert all(isinstance(attempt.exception(), RedisAway) for attempt in done)
    release.set()
    await asyncio.wait(waiting)
    assert isinstance(attempts[0].exception(), RedisAway)
    await link.close()


async def test_just_after_a_failure_nothing_is_sent() -> None:
    link = RedisLink(URL, FakeClock())
    with pytest.raises(RedisAway):
        await link.ask(fail(TimeoutError()))

    with pytest.raises(RedisAway) as caught:
        await link.ask(answer)

    assert not caught.value.asked
    await link.close()


async def test_coming_and_going_are_told_once_each() -> None:
    clock = FakeClock()
    link = RedisLink(URL, clock)

    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(RedisAway):
                await link.ask(fail(OSError("gone")))
            clock.advance(PAUSE_S)
        for _ in range(3):
            await link.ask(answer)

    assert [line["event"] for line in logs] == ["redis_lost", "redis_returned"]
    await link.close()


async def test_a_closed_port_is_no_answer_within_the_limit() -> None:
    link = RedisLink(URL, FakeClock())

    async with asyncio.timeout(5):
        with pytest.raises(RedisAway):
            await link.ask(lambda client: client.get("key"))

    await link.close()


async def say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each command as the simplest of servers."""
    while line := await reader.readline():
        if line.startswith(b"*"):
            writer.write(b"+OK\r\n")
    writer.close()


async def test_more_callers_than_connections_wait_for_one() -> None:
    server = await asyncio.start_server(say_ok, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = RedisLink(f"redis://127.0.0.1:{port}/0", FakeClock(), answer_timeout_s=PATIENCE_S)
    callers = (link.ask(lambda client: client.ping()) for _ in range(2 * CONNECTIONS_MAX))

    await asyncio.gather(*callers)

    assert link.failure is None
    await link.close()
    server.close()
