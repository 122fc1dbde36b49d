"""The pipeline: fetches slices, hands them to the lanes, and is told of rebalances."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime import failpoints
from runtime.logs import get_logger
from runtime.metrics import REBALANCES_TOTAL
from stream.batch import Batch
from stream.careful import CarefulHands
from stream.commits import Committer
from stream.fetch_thread import FetchThread
from stream.fetched import Fetched
from stream.ledger import Entry, Rewind, TopicPartition
from stream.positions import IdentifyTopics, Positions, ask
from stream.rooms import AHEAD_OFFSETS_MAX, share_few, share_many, share_one
from stream.seam import Seam
from stream.shapes.lane import Lane
from stream.tasks import Tasks

FETCH_TIMEOUT_S: Final = 0.5
PARTIAL_FETCH_TIMEOUT_S: Final = 0.005
"""While some partitions have no room, or wait in careful hands: they may be ready for more long
before one of the others brings a record. With 0.5 s here, half of a busy core was idle."""
HELD_FETCH_TIMEOUT_S: Final = 0.05
"""The same while something is held: that may last for hours, and need not cost a twentieth of a
core."""
LINGER_S: Final = 0.002
"""Rest after a small poll, so that records gather: a fetch costs about 1 ms whatever it brings."""
LINGERS_MAX: Final = 10
"""How often such a rest is prolonged while what was handed out is on its way: batches grow as the
broker slows. With one fixed rest a slow broker got ever more requests, and slowed further."""
SMALL_POLL_RECORDS: Final = 200
ROOM_POLL_S: Final = 0.005
JOIN_POLL_S: Final = 0.02

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be handed out and unfinished, per topic."""

    records: int = 8_000
    size_bytes: int = 16_777_216
    poll_records: int = 2_000
    revoke_timeout_s: float = 5.0
    """How long work in flight may take when partitions are taken away."""
    few: Mapping[str, int] = field(default_factory=dict)
    """Topics of which fewer records may be handed out, and how many: those of slow work."""

    def in_flight_max(self, topic: str) -> int:
        """Return how many offsets of a partition can be handed out and unfinished at once."""
        if topic in self.few:
            return AHEAD_OFFSETS_MAX + self.few[topic]
        return self.records + self.poll_records


class Pipeline:
    """Moves records of the group's topics through the lanes, and commits behind them."""

    def __init__(
        self,
        thread: FetchThread,
        lanes: Sequence[Lane],
        seam: Seam,
        bounds: Bounds,
        identify_topics: IdentifyTopics,
    ) -> None:
        """Call `identify_topics` on each assignment: topics may be others than before."""
        self._thread = thread
        self._lanes = {lane.topic: lane for lane in lanes}
        self._seam = seam
        self._bounds = bounds
        self.commits = Committer(thread, seam)
        self._positions = Positions(
            thread, seam, self.commits, bounds.in_flight_max, identify_topics
        )
        self._careful = CarefulHands(seam, self.commits, self._hand, self._positions.note_rewind)
        self._tasks = Tasks()
        self.joined = False
        """True once the group has given us an assignment, which may be empty."""
        self.stopping = False

    # -- rebalances, called in the main loop ------------------------------

    async def on_revoked(self) -> None:
        """Finish what is in flight as far as time allows, commit, drop the rest."""
        self.joined = False
        await self.finish(self._bounds.revoke_timeout_s)
        await self.commits.sign_off()
        self._seam.ledger.revoke()
        for lane in self._lanes.values():
            await lane.drop()

    async def on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Start with `assigned`; where each begins is found before its first fetch."""
        self._seam.ledger.assign(assigned)
        await self._positions.forget()
        self._careful.clear()
        self.joined = True
        REBALANCES_TOTAL.inc()
        log.info("partitions_assigned", count=len(assigned))

    async def finish(self, timeout_s: float) -> None:
        """Wait until what is handed out is finished; what a dependency holds is not waited for."""
        self._careful.clear()
        if self.stopping:
            await self._tasks.cancel()
            await self._positions.forget()
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(lane.finish(timeout_s))

    # -- fetching ---------------------------------------------------------

    async def run(self) -> None:
        """Fetch and hand out until `stopping` is set.

        Raises:
            FatalError: a lane cannot go on.
        """
        for lane in self._lanes.values():
            lane.start()
        aside = [
            self._tasks.start(self._careful.run()),
            self._tasks.start(self._positions.watch_topics()),
        ]
        while not self.stopping:
            for lane in self._lanes.values():
                lane.raise_failure()
            for task in aside:
                if task.done():
                    task.result()
            await self._seam.progress.hold("fetch", self._turn)

    async def _turn(self) -> None:
        if not self.joined:
            # A member that was idle for too long is let in again only when it asks for records.
            await ask(self._thread, self._thread.stay(JOIN_POLL_S))
            return
        self._positions.settle()
        wanted = self._partitions_with_room()
        if wanted or not self._seam.ledger.partitions:
            await self._fetch(wanted)
        else:
            await asyncio.sleep(ROOM_POLL_S)

    def _partitions_with_room(self) -> dict[TopicPartition, int]:
        """Return the partitions that may be handed more, and how many records at once."""
        rooms: dict[TopicPartition, int] = {}
        bounds, ledger = self._bounds, self._seam.ledger
        for topic in self._lanes:
            records, size_bytes = ledger.backlog(topic)
            if records >= bounds.records:
                continue
            if size_bytes >= bounds.size_bytes:
                rooms |= share_one(ledger.partitions, topic)
            elif topic in bounds.few:
                rooms |= share_few(ledger.partitions, topic, bounds.few[topic])
            else:
                rooms |= share_many(ledger.partitions, topic, bounds.records, bounds.size_bytes)
        unsettled = self._positions.unsettled()
        return {
            tp: room
            for tp, room in rooms.items()
            if tp not in unsettled and not self._careful.has(tp)
        }

    async def _fetch(self, wanted: Mapping[TopicPartition, int]) -> None:
        thread, epoch = self._thread, self._seam.ledger.epoch
        timeout_s = self._find_fetch_timeout_s(wanted)
        fetch = thread.fetch(wanted, self._bounds.poll_records, timeout_s, epoch)
        fetched = await ask(thread, fetch)
        for piece in fetched:
            self._hand_out(piece)
        if fetched and sum(len(piece.records) for piece in fetched) < SMALL_POLL_RECORDS:
            await self._gather()

    async def _gather(self) -> None:
        """Rest until what was handed out has arrived, within bounds; what is held will not."""
        ledger, progress = self._seam.ledger, self._seam.progress
        for _ in range(LINGERS_MAX):
            await asyncio.sleep(LINGER_S)
            unfinished = (tp for tp, ours in ledger.partitions.items() if ours.records_unfinished)
            if all(map(progress.holds, unfinished)):
                return

    def _find_fetch_timeout_s(self, wanted: Collection[TopicPartition]) -> float:
        """Return how long a fetch may wait for the first record of `wanted`."""
        if len(wanted) == len(self._seam.ledger.partitions):
            return FETCH_TIMEOUT_S
        progress = self._seam.progress
        is_held = bool(progress.held or progress.culprits)
        return HELD_FETCH_TIMEOUT_S if is_held else PARTIAL_FETCH_TIMEOUT_S

    def _hand_out(self, piece: Fetched) -> None:
        """Give the slice to its lane; if it is not what comes next, its position is set back."""
        if self.stopping:
            return
        if self._careful.wants(piece.slice.partition):
            self._careful.add(piece)
            return
        accepted = self._seam.ledger.accept(piece.slice)
        if isinstance(accepted, Rewind):
            self._positions.note_rewind(piece.slice.partition)
        elif accepted is not None and piece.slice.records:
            self._hand(piece, accepted)

    def _hand(self, piece: Fetched, entry: Entry) -> None:
        if self._seam.ledger.count_unfinished() == entry.records:
            self._seam.progress.note_completed()  # the watchdog's time runs from here
        topic, partition = piece.slice.partition
        if piece.records:
            self._seam.clock.observe(piece.records[-1].timestamp)
        failpoints.reach("received")
        self._lanes[topic].hand(
            Batch(topic, partition, piece.records, tuple(piece.unreadable)), entry
        )
