"""Careful handing out: records of a partition whose owners died, in portions, each marked first.

A portion is a chunk, and after a death a single record. One that is proven to end its process is
held: it is not handed out, its partition waits, the others go on, until an operator orders it to
be skipped. The lane then buries it unseen.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

from runtime.logs import get_logger
from stream.commits import Committer
from stream.fetched import Fetched
from stream.ledger import Entry, Rewind, TopicPartition
from stream.portions import first_of, split
from stream.seam import Seam

POLL_S: Final = 0.002
"""Between two looks whether a portion has ended."""
MARK_RETRY_S: Final = 0.1
"""Between two tries to mark, while the broker takes no commits."""
SKIP_POLL_S: Final = 0.2
"""Between two looks for an order to skip, while nothing else waits."""

Hand = Callable[[Fetched, Entry], None]
log = get_logger(__name__)


class CarefulHands:
    """Keeps what was fetched of such partitions, and hands it out portion by portion."""

    def __init__(
        self,
        seam: Seam,
        commits: Committer,
        hand: Hand,
        note_rewind: Callable[[TopicPartition], None],
    ) -> None:
        self._seam = seam
        self._commits = commits
        self._hand = hand
        self._note_rewind = note_rewind
        self._queues: defaultdict[TopicPartition, deque[Fetched]] = defaultdict(deque)
        self._handed: dict[TopicPartition, Entry] = {}
        self._arrived = asyncio.Event()

    def wants(self, tp: TopicPartition) -> bool:
        """Return whether what is fetched of `tp` must go through these hands."""
        ledger = self._seam.ledger.partitions.get(tp)
        return tp in self._queues or (ledger is not None and ledger.attempts.careful)

    def has(self, tp: TopicPartition) -> bool:
        """Return whether there is something to hand out: no more is to be fetched meanwhile."""
        return tp in self._queues

    def add(self, piece: Fetched) -> None:
        tp = piece.slice.partition
        if (ledger := self._seam.ledger.partitions.get(tp)) is not None:
            self._queues[tp].extend(split(piece, ledger.attempts))
            self._arrived.set()

    def clear(self) -> None:
        """Forget everything: it is fetched again, by us or by the next owner."""
        self._queues.clear()
        self._handed.clear()
        self._seam.progress.culprits.clear()
        self._arrived.clear()

    async def run(self) -> None:
        """Hand out what was added, for ever."""
        while True:
            await self._arrived.wait()
            due = self._find_due()
            if not due:
                await asyncio.sleep(SKIP_POLL_S if self._waits_for_orders() else POLL_S)
            elif await self._mark(due):
                for tp, piece in due.items():
                    self._hand_out(tp, piece)
            else:
                await asyncio.sleep(MARK_RETRY_S)
            if not self._queues:
                self._arrived.clear()

    # ---------------------------------------------------------------------

    def _waits_for_orders(self) -> bool:
        return all(tp.lane in self._seam.progress.culprits for tp in self._queues)

    def _find_due(self) -> dict[TopicPartition, Fetched]:
        """Return what may be handed out next: nothing of its partition is in work, or held.

        Of all partitions together one record at most is alone: had two been marked when one of
        them ended the process, the other would be taken for a culprit as well.
        """
        due = {}
        somebody_alone = any(self._is_alone(tp) for tp in self._handed)
        for tp, queue in self._queues.items():
            before = self._handed.get(tp)
            if self._seam.progress.holds(tp):
                continue  # it would only wait there, marked, though nobody works on it
            if (before is None or before.finished) and not self._is_held(tp, queue[0]):
                alone = self._must_be_alone(tp, queue[0])
                if not (alone and somebody_alone):
                    due[tp] = queue[0]
                somebody_alone |= alone
        return due

    def _is_alone(self, tp: TopicPartition) -> bool:
        """Return whether a record of `tp` is in work alone; what a dependency holds is unmarked."""
        ledger = self._seam.ledger.partitions.get(tp)
        if ledger is None or self._handed[tp].finished:
            return False
        return ledger.attempts.fine and ledger.attempts.marked is not None

    def _must_be_alone(self, tp: TopicPartition, piece: Fetched) -> bool:
        record, ledger = first_of(piece), self._seam.ledger.partitions.get(tp)
        if record is None or ledger is None:
            return False
        return ledger.attempts.fine and ledger.attempts.suspects(record.offset)

    def _is_held(self, tp: TopicPartition, piece: Fetched) -> bool:
        record = first_of(piece)
        ledger = self._seam.ledger.partitions.get(tp)
        if record is None or ledger is None or record.offset != ledger.attempts.culprit:
            return False
        culprits, lane = self._seam.progress.culprits, tp.lane
        if (*tp, record.offset) in self._seam.skips():
            if culprits.pop(lane, None) is not None:
                log.info("record_released", lane=lane, offset=record.offset)
            return False
        if lane not in culprits:
            culprits[lane] = self._seam.progress.accuse(record.offset, record.timestamp)
            log.error("record_held", lane=lane, offset=record.offset)
        return True

    async def _mark(self, due: dict[TopicPartition, Fetched]) -> bool:
        """Let everybody know which records are handed out now; False: nobody could be told."""
        for tp, piece in due.items():
            if (record := first_of(piece)) is not None:
                self._seam.ledger.mark(tp, record.offset, piece.slice.end)
        return await self._commits.commit()

    def _hand_out(self, tp: TopicPartition, piece: Fetched) -> None:
        queue = self._queues.get(tp)
        if not queue or queue[0] is not piece:
            return  # there was a rebalance while the mark was written
        accepted = self._seam.ledger.accept(piece.slice)
        if isinstance(accepted, Entry):
            self._handed[tp] = accepted
            queue.popleft()
            if piece.slice.records:
                self._hand(piece, accepted)
        else:
            queue.clear()
            if isinstance(accepted, Rewind):
                self._note_rewind(tp)
        if not queue:
            del self._queues[tp]
