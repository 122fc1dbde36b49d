"""A receipt: what tells that the broker has every batch of one publish, or that it never will.

It is given out as soon as the batches are on their way, so that one publish need not wait for the
one before it.
"""

import asyncio
from collections.abc import Callable
from typing import Any


class Receipt:
    """Collects the acknowledgements of the batches of one publish."""

    def __init__(
        self, observe_ms: Callable[[int], None], note_failure: Callable[[BaseException], None]
    ) -> None:
        """Tell the broker's time of each acknowledgement, and the first that is missing."""
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the broker has everything; `DependencyError` when that is not sure any more."""
        self._observe_ms = observe_ms
        self._note_failure = note_failure
        self._awaited = 1  # the sending itself, until it is complete

    def expect(self, batch: "asyncio.Future[Any]") -> None:
        """Wait for `batch`, too."""
        self._awaited += 1
        batch.add_done_callback(self._note)

    def complete(self) -> None:
        """Every batch is on its way: the last acknowledgement is the last one."""
        self._count_down()

    def fail(self, error: BaseException) -> None:
        """Wait no longer: `error` is what the publish came to."""
        if not self.acknowledged.done():
            self.acknowledged.set_exception(error)
            self.acknowledged.exception()  # seen, even where nobody asks any more

    def _note(self, batch: "asyncio.Future[Any]") -> None:
        error = ConnectionError("cancelled") if batch.cancelled() else batch.exception()
        if self.acknowledged.done():
            return
        if error is not None:
            self._note_failure(error)
            return
        if (timestamp_ms := batch.result().timestamp) > 0:  # -1: the broker did not say
            self._observe_ms(timestamp_ms)
        self._count_down()

    def _count_down(self) -> None:
        self._awaited -= 1
        if not self._awaited and not self.acknowledged.done():
            self.acknowledged.set_result(None)
