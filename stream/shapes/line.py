"""A line: what waits in one partition of a map, and what is on its way to the broker, in order."""

import asyncio
from collections import deque
from typing import Final, Protocol

from stream.batch import Batch, Output, Record
from stream.bugs import BugStreak
from stream.ledger import Entry, TopicPartition

FLIGHTS_MAX: Final = 3
"""Slices of a partition that are decided and not acknowledged: the producer sends one, keeps one
ready behind it, and the third is decided meanwhile."""


class Decider(Protocol):
    """What decides the records of one batch."""

    def decide(self, record: Record) -> Output:
        """Return the one output of `record`.

        Raises:
            MessageError: it can never work: it is buried.
            DependencyError: it cannot be decided yet: the whole batch is held and tried again.
        """
        ...

    def finished(self) -> None:
        """The broker has acknowledged every output of the batch."""
        ...


class Flight:
    """A slice that was decided, on its way to the broker."""

    __slots__ = ("acknowledged", "decider", "entry", "letters", "outputs")

    def __init__(
        self, entry: Entry, decider: Decider, outputs: list[Output], letters: list[Output]
    ) -> None:
        self.entry = entry
        self.decider = decider
        self.outputs = outputs
        self.letters = letters
        self.acknowledged: asyncio.Future[None] | None = None
        """None: it is not sent yet, or again."""

    def has_arrived(self) -> bool:
        return self.acknowledged is not None and self.acknowledged.done() and not self.has_failed()

    def has_failed(self) -> bool:
        sent = self.acknowledged
        return sent is None or (sent.done() and (sent.cancelled() or sent.exception() is not None))


class Line:
    """What goes on in one partition, until it is taken away."""

    def __init__(self, source: TopicPartition) -> None:
        self.source = source
        self.name = source.lane
        # Unbounded: the backlog bounds what is handed out, in records and in bytes.
        self.queue: deque[tuple[Batch, Entry]] = deque()
        self.flights: deque[Flight] = deque()
        self.bugs = BugStreak()
        self.is_taken_away = False
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Something was handed out, arrived or failed: there may be something to do."""
        self._stirred.set()

    async def wait(self) -> None:
        """Return when a slice can be decided, or some must be published again."""
        while not (self.has_failed() or (self.queue and len(self.flights) < FLIGHTS_MAX)):
            self._stirred.clear()
            await self._stirred.wait()

    def is_over(self) -> bool:
        """Return whether everything that was handed out has arrived, or is another's now."""
        return self.is_taken_away or not (self.queue or self.flights)

    def has_failed(self) -> bool:
        return any(flight.has_failed() for flight in self.flights)

    def raise_news(self) -> None:
        """Raise the failure of what was sent, once: whoever waits for it counts as held."""
        news = next((it.acknowledged for it in self.flights if it.has_failed()), None)
        for flight in self.flights:
            flight.acknowledged = None
        if news is not None and not news.cancelled():
            news.result()
