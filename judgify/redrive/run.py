"""A redrive: looks first, then sends a little at a time; marked only when it is where it goes.

Between the acknowledgement of a page and its mark this may die: that page alone, at most
`LETTERS_AT_ONCE` letters, is then sent once more by the next redrive. Of a request with an id of
its own the second record is a duplicate; one without is judged under a new id, as each record is.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from judgify.redrive.fate import TO_REQUESTS, Fate, find_fate
from judgify.redrive.plan import Plan
from judgify.redrive.sending import Resender
from schemas.errors import DependencyError
from sinks.postgres.connection import Connection, connect
from sinks.postgres.redrive_queries import (
    LETTERS_AT_ONCE,
    TO_POSTGRES,
    Letter,
    LetterId,
    Selection,
    fetch_letters,
    lock_redrive,
    mark_redriven,
    select_letters,
)
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from topics.registry import REQUESTS, full_name

APPLICATION: Final = "judgify redrive"


class Order(NamedTuple):
    """What is to be sent again, and where."""

    bootstrap: str
    database_url: str
    prefix: str
    wanted: Selection
    limit: int
    author: str
    rate_per_s: float
    again: bool = False

    def find_fate(self, letter: Letter) -> Fate:
        """Return where `letter` goes under this order, or why it goes nowhere."""
        wanted = self.wanted
        skipped = bool(wanted.places) or wanted.kind == "skip" or wanted.code == "skipped"
        return find_fate(letter, self.prefix, again=self.again, skipped=skipped)


@dataclass(slots=True)
class Outcome:
    """What was done."""

    sent: dict[str, int] = field(default_factory=dict)
    """How many letters went where."""
    skipped: int = 0
    """Changed since the plan was made: gone, or sent by somebody else."""
    refused: list[tuple[LetterId, str]] = field(default_factory=list)
    """Results that PostgreSQL refuses still."""
    failure: DependencyError | None = None
    """Why it ended before its end; what was sent until then is marked."""

    @property
    def finished(self) -> int:
        """How many letters of the plan something became of."""
        return sum(self.sent.values()) + self.skipped + len(self.refused)


ShowProgress = Callable[[int], object]
"""Told how many letters of the plan are finished."""


async def make_plan(order: Order) -> Plan:
    """Return what `order` would do; nothing is changed.

    Raises:
        DependencyError: PostgreSQL does not answer.
        FatalError: its schema is older than this release.
    """
    plan = Plan()
    async with connect(order.database_url, APPLICATION) as connection:
        async for letter in select_letters(connection, order.wanted, order.limit + 1):
            if plan.matched == order.limit:
                plan.has_more = True
            else:
                plan.add(letter, order.find_fate(letter))
    return plan


async def run_redrive(
    order: Order, plan: Plan, progress: ShowProgress, stop: threading.Event
) -> Outcome:
    """Send again what `plan` found, and nothing that came later; after `stop`, no further page.

    Raises:
        DependencyError: another redrive is at work, or a service does not answer at the start.
    """
    outcome = Outcome()
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    async with connect(order.database_url, APPLICATION) as connection, _open_sink(order) as sink:
        await lock_redrive(connection)
        resender = await asyncio.to_thread(
            Resender, order.bootstrap, full_name(REQUESTS, order.prefix)
        )
        work = _Work(order, connection, resender, sink, outcome)
        for first in range(0, len(plan.todo), LETTERS_AT_ONCE):
            if outcome.failure is not None:
                break
            due_s = started_s + first / order.rate_per_s
            if await asyncio.to_thread(stop.wait, max(0.0, due_s - loop.time())):
                break
            ids = plan.todo[first : first + LETTERS_AT_ONCE]
            await work.send_page(ids)
            progress(first + len(ids))
    return outcome


class _Work:
    """Sends pages of letters."""

    def __init__(
        self,
        order: Order,
        connection: Connection,
        resender: Resender,
        sink: PostgresSink,
        outcome: Outcome,
    ) -> None:
        self._order = order
        self._connection = connection
        self._resender = resender
        self._sink = sink
        self._outcome = outcome

    async def send_page(self, ids: Sequence[LetterId]) -> None:
        """Send the letters of `ids` as they stand now, then mark them."""
        requests: list[Letter] = []
        results: list[Letter] = []
        for letter in await fetch_letters(self._connection, ids):
            fate = self._order.find_fate(letter)
            if fate.destination == TO_REQUESTS:
                requests.append(letter)
            elif fate.destination == TO_POSTGRES:
                results.append(letter)
        self._outcome.skipped += len(ids) - len(requests) - len(results)
        done = await self._store(results)
        if requests:
            sent, self._outcome.failure = await asyncio.to_thread(self._resender.send, requests)
            done |= sent
            self._count(TO_REQUESTS, len(sent))
        if done:
            await mark_redriven(self._connection, done, self._order.author)

    async def _store(self, letters: Sequence[Letter]) -> dict[LetterId, str]:
        """Store results as the sink does, the first of an id for ever; return which."""
        if not letters:
            return {}
        batches = [
            Batch(it.id.topic, it.id.partition, [_Buried(it.id.offset, it.id.timestamp, it.value)])
            for it in letters
        ]
        burials = await self._sink.write_results(batches)
        refusals = {
            (it.topic, it.partition, it.record.offset, it.record.timestamp): str(it.error)
            for it in burials
        }
        self._outcome.refused += [
            (it.id, refusals[it.id[:4]]) for it in letters if it.id[:4] in refusals
        ]
        stored = {it.id: TO_POSTGRES for it in letters if it.id[:4] not in refusals}
        self._count(TO_POSTGRES, len(stored))
        return stored

    def _count(self, destination: str, letters: int) -> None:
        self._outcome.sent[destination] = self._outcome.sent.get(destination, 0) + letters


class _Buried(NamedTuple):
    """A buried result as the sink reads records; implements `stream.batch.Record`."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@asynccontextmanager
async def _open_sink(order: Order) -> AsyncIterator[PostgresSink]:
    sink = PostgresSink(order.database_url, pool_max=1)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()
