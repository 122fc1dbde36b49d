"""Parsing ahead: the same rows, whether asked for early, late, twice or by somebody who left."""

import asyncio

import pytest

from sinks.postgres import parsing
from sinks.postgres.parsing import Parsed, Parser
from tests.support.results import encode_judgment, make_results

BATCH = make_results(*(encode_judgment(f"r-{n}", n) for n in range(3)), b"bad")


async def test_a_batch_parsed_ahead_holds_what_it_holds_otherwise() -> None:
    parser = Parser()

    ahead = await parser.finish(parser.begin(BATCH))

    otherwise = await parser.finish(BATCH)
    assert ahead.rows == otherwise.rows
    assert [it.record for it in ahead.sources] == list(BATCH.records[:3])
    assert [it.record for it in ahead.burials] == [BATCH.records[3]]


async def test_batches_are_parsed_in_the_order_in_which_they_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parsing, "PARSED_AT_ONCE", 1)
    parser = Parser()
    first, second = parser.begin(BATCH), parser.begin(BATCH)

    await parser.finish(second)

    assert first.parsing is not None
    assert first.parsing.done()


async def test_asking_again_returns_the_same_and_parses_nothing() -> None:
    parser = Parser()
    batch = parser.begin(BATCH)

    assert (await parser.finish(batch)).rows is (await parser.finish(batch)).rows


async def test_one_who_stops_waiting_takes_nothing_from_the_next() -> None:
    parser = Parser()
    batch = parser.begin(BATCH)
    waiting = asyncio.ensure_future(parser.finish(batch))
    await asyncio.sleep(0)

    waiting.cancel()

    assert len((await parser.finish(batch)).rows) == 3


async def test_after_a_close_nothing_is_under_way_and_what_is_asked_for_is_parsed_anew() -> None:
    parser = Parser()
    batch = parser.begin(BATCH)

    await parser.close()

    assert batch.parsing is not None
    assert batch.parsing.cancelled()
    assert len((await parser.finish(batch)).rows) == 3


async def test_taking_rows_leaves_the_others_with_their_sources() -> None:
    parsed = Parsed()
    parsed.add(await Parser().finish(BATCH))

    taken = parsed.take(2)

    assert (len(taken.rows), len(taken.sources), len(taken.burials)) == (2, 2, 1)
    assert (len(parsed.rows), parsed.sources[0].record, parsed.burials) == (1, BATCH.records[2], [])
