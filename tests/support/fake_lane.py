"""A lane whose work ends when a test says so."""

from stream.batch import Batch
from stream.ledger import Entry, Ledger
from tests.support.seams import REQUESTS


class QueueLane:
    """Implements `stream.shapes.lane.Lane`: keeps what it is handed until a test finishes it."""

    def __init__(self, ledger: Ledger, topic: str = REQUESTS) -> None:
        self._ledger = ledger
        self.topic = topic
        self.handed: list[tuple[Batch, Entry]] = []
        self.finish_timeouts_s: list[float] = []
        self.finishes = True
        """Whether work ends when it is waited for."""
        self.drops = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        """Nothing to prepare."""

    def hand(self, batch: Batch, entry: Entry) -> None:
        self.handed.append((batch, entry))

    async def finish(self, timeout_s: float) -> bool:
        self.finish_timeouts_s.append(timeout_s)
        if self.finishes:
            self.finish_all()
        return self.finishes

    async def drop(self) -> None:
        self.drops += 1

    def raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def finish_all(self) -> None:
        for _, entry in self.handed:
            self._ledger.finish(entry)

    def values(self) -> list[bytes | None]:
        return [record.value for batch, _ in self.handed for record in batch.records]

    def offsets(self) -> list[int]:
        return [record.offset for batch, _ in self.handed for record in batch.records]
