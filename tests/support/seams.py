"""A seam without a broker: the real ledger, lanes and undertaker, and a publisher that remembers."""

import asyncio
from collections.abc import Mapping, Sequence

from runtime.clock import BrokerClock
from schemas.errors import DependencyError
from stream.batch import Batch, Output
from stream.burial import Undertaker
from stream.hold import Progress
from stream.ledger import Entry, Ledger, Slice, TopicPartition
from stream.seam import Seam
from tests.support.builders import make_batch
from tests.support.clock import FakeClock

REQUESTS = "judgify.requests.v1"
DEAD_LETTERS = "judgify.dead-letters.v1"


class MemoryPublisher:
    """Implements what lanes use of `stream.publisher.Publisher`; fails as often as it is told."""

    def __init__(self) -> None:
        self.published: list[tuple[int, Output]] = []
        self.failures_left = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, partition: int, outputs: Sequence[Output]) -> "asyncio.Future[None]":
        return asyncio.ensure_future(self.publish(partition, outputs))

    async def publish(self, partition: int, outputs: Sequence[Output]) -> None:
        await self.gate.wait()
        if self.failures_left:
            self.failures_left -= 1
            raise DependencyError("kafka", "told to fail")
        self.published += [(partition, output) for output in outputs]

    def values(self, topic: str, partition: int | None = None) -> list[bytes | None]:
        return [
            output.value
            for number, output in self.published
            if output.topic == topic and partition in {None, number}
        ]


class SeamBench:
    """A seam with its parts at hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.publisher = MemoryPublisher()
        self.ledger = Ledger()
        self.skips: Mapping[tuple[str, int, int], str] = {}
        self.seam = Seam(
            agent="echo",
            ledger=self.ledger,
            publisher=self.publisher,  # type: ignore[arg-type]  # -- what lanes use of it
            progress=Progress(self.clock),
            dead_letters=DEAD_LETTERS,
            skips=lambda: self.skips,
            engine="1.2.3",
            clock=BrokerClock(self.clock),
        )
        self.undertaker = Undertaker(self.seam, REQUESTS)

    def assign(self, *partitions: int, start: int = 0, topic: str = REQUESTS) -> None:
        places = [TopicPartition(topic, number) for number in partitions]
        self.ledger.assign(places)
        for place in places:
            self.ledger.resolve(place, start)

    def accept(
        self, values: Sequence[bytes], partition: int = 0, first: int = 0
    ) -> tuple[Batch, Entry]:
        """Return a batch of the requests topic and its entry in the ledger."""
        batch = make_batch(values, REQUESTS, partition, first)
        place = TopicPartition(REQUESTS, partition)
        end = first + len(values)
        entry = self.ledger.accept(Slice(place, first, end, self.ledger.epoch, len(values)))
        assert isinstance(entry, Entry)
        return batch, entry

    def committable(self, partition: int = 0) -> int:
        offset = self.ledger.partitions[TopicPartition(REQUESTS, partition)].first_unfinished()
        assert offset is not None
        return offset
