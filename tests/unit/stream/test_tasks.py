"""No background task is lost, none fails in silence, and all end together."""

import asyncio

import pytest
from structlog.testing import capture_logs

from stream.tasks import Tasks


async def test_what_is_started_runs_and_its_end_is_the_callers() -> None:
    async def answer() -> str:
        return "answer"

    async def fail() -> None:
        raise KeyError("bug")

    tasks = Tasks()
    good, bad = tasks.start(answer()), tasks.start(fail())

    assert await good == "answer"
    with pytest.raises(KeyError):
        await bad


async def test_what_is_spawned_and_fails_is_logged() -> None:
    async def fail() -> None:
        raise KeyError("bug")

    tasks = Tasks()
    with capture_logs() as logs:
        tasks.spawn(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    [line] = [it for it in logs if it["event"] == "background_task_failed"]
    assert isinstance(line["exc_info"], KeyError)


async def test_cancelling_ends_all_and_waits_for_their_clean_up() -> None:
    cleaned: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    tasks = Tasks()
    with capture_logs() as logs:
        for number in range(3):
            tasks.spawn(work(number))
        await asyncio.sleep(0)
        await tasks.cancel()

    assert sorted(cleaned) == [0, 1, 2]
    assert logs == []


async def test_what_has_ended_is_forgotten() -> None:
    tasks = Tasks()

    await tasks.start(asyncio.sleep(0))
    await asyncio.sleep(0)

    assert not tasks._running
    await tasks.cancel()
