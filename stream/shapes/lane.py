"""A lane: what takes the batches of one source topic and says when they are finished."""

from typing import Protocol

from stream.batch import Batch
from stream.ledger import Entry


class Lane(Protocol):
    """Takes batches, finishes them in the ledger when all their outputs are acknowledged."""

    @property
    def topic(self) -> str:
        """The source topic, in full."""
        ...

    def start(self) -> None:
        """Begin to work; called in the running loop."""
        ...

    def hand(self, batch: Batch, entry: Entry) -> None:
        """Queue `batch`; the backlog bounds how much is handed."""
        ...

    async def finish(self, timeout_s: float) -> bool:
        """Wait until all that was handed is finished; False when time ran out.

        What a dependency holds is not waited for.
        """
        ...

    async def drop(self) -> None:
        """Forget all that was handed and not finished: it is no longer ours."""
        ...

    def raise_failure(self) -> None:
        """Raise what ended the lane's work for good, if anything did."""
        ...
