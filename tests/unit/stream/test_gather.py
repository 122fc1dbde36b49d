"""The rest after a small poll: as long as what was handed out is on its way, and within bounds."""

import asyncio
from collections.abc import Callable

import pytest

from stream import pipeline as pipeline_module
from stream.batch import Batch
from stream.hold import Held
from stream.ledger import Entry
from stream.pipeline import LINGERS_MAX, SMALL_POLL_RECORDS, Bounds, Pipeline
from tests.support.pipeline_bench import TP
from tests.support.pipeline_bench import PipelineBench as Bench

LINGER_S = 0.000_123
"""A time that nobody else sleeps for."""


class Rests:
    """Counts the rests; `in_each` is called in each, with its number from 1 on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.in_each: Callable[[int], object] = bool
        self._sleep = asyncio.sleep
        monkeypatch.setattr(pipeline_module, "LINGER_S", LINGER_S)
        monkeypatch.setattr(asyncio, "sleep", self._rest)

    async def _rest(self, delay_s: float) -> None:
        if delay_s == LINGER_S:
            self.count += 1
            self.in_each(self.count)
        await self._sleep(0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> Rests:
    return Rests(monkeypatch)


async def fetch(bench: Bench, records: int) -> None:
    """Let a pipeline fetch so many records, once."""
    bench.thread.append(TP, *[b"x"] * records)
    pipeline: Pipeline = bench.make(Bounds())
    await pipeline.on_assigned([TP])
    bench.ledger.resolve(TP, 0)
    bench.thread.positions[TP] = 0
    await pipeline._fetch({TP: records + 1})
    assert len(bench.lane.values()) == records


async def test_it_rests_while_something_is_unfinished_and_no_longer(
    bench: Bench, rests: Rests
) -> None:
    def finish_in_the_third(number: int) -> None:
        if number == 3:
            bench.lane.finish_all()

    rests.in_each = finish_in_the_third
    await fetch(bench, 2)

    assert rests.count == 3


async def test_what_is_not_finished_delays_the_next_poll_within_bounds(
    bench: Bench, rests: Rests
) -> None:
    await fetch(bench, 2)

    assert rests.count == LINGERS_MAX


@pytest.mark.parametrize("lane", [TP.lane, TP.topic])
async def test_what_a_dependency_holds_is_not_waited_for(
    bench: Bench, rests: Rests, lane: str
) -> None:
    bench.seam.progress.held[lane] = Held("workflows", "not read yet", 0)

    await fetch(bench, 2)

    assert rests.count == 1


async def test_the_first_rest_is_for_records_to_gather_and_is_always_taken(
    bench: Bench, rests: Rests, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = bench.lane.hand

    def finish_at_once(batch: Batch, entry: Entry) -> None:
        hand(batch, entry)
        bench.ledger.finish(entry)

    monkeypatch.setattr(bench.lane, "hand", finish_at_once)
    await fetch(bench, 2)

    assert rests.count == 1


@pytest.mark.parametrize(
    ("records", "expected"),
    [(0, 0), (SMALL_POLL_RECORDS - 1, LINGERS_MAX), (SMALL_POLL_RECORDS, 0)],
)
async def test_only_after_a_small_poll_is_there_a_rest(
    bench: Bench, rests: Rests, records: int, expected: int
) -> None:
    await fetch(bench, records)

    assert rests.count == expected
