"""A fetch thread without a broker: logs in memory, positions that move as aiokafka's do."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from aiokafka.errors import LeaderNotAvailableError

from stream.fetched import Fetched
from stream.ledger import Commit, Slice, TopicPartition
from tests.support.builders import FakeRecord

T = TypeVar("T")


class FakeThread:
    """Implements what the pipeline asks of `stream.fetch_thread.FetchThread`."""

    def __init__(self) -> None:
        self.logs: dict[TopicPartition, list[FakeRecord]] = {}
        self.log_starts: dict[TopicPartition, int] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.committed: dict[TopicPartition, int] = {}
        self.metadata: dict[TopicPartition, str] = {}
        """What was committed with the offsets."""
        self.commits: list[dict[TopicPartition, int]] = []
        """The offsets that each commit moved."""
        self.fetches: list[set[str]] = []
        self.fetch_timeouts_s: list[float] = []
        self.errors: dict[str, list[Exception]] = {}
        """What the next calls of a method raise, by its name."""
        self.slice_records_max = 1_000
        self.on_bounds = list
        """Called while the bounds of the log are asked for."""
        self.leaderless: set[TopicPartition] = set()
        """Whoever asks for the bounds of one of these gets no answer, for none of those asked."""
        self.left = 0
        self.stopped = 0

    def append(self, tp: TopicPartition, *values: bytes) -> None:
        log = self.logs.setdefault(tp, [])
        end = self.end(tp)
        log += [FakeRecord(offset, value=value) for offset, value in enumerate(values, end)]

    def truncate(self, tp: TopicPartition, log_start: int) -> None:
        """Let retention remove what lies before `log_start`."""
        self.logs[tp] = [record for record in self.logs.get(tp, ()) if record.offset >= log_start]
        self.log_starts[tp] = log_start

    def end(self, tp: TopicPartition) -> int:
        log = self.logs.get(tp)
        return log[-1].offset + 1 if log else self.log_starts.get(tp, 0)

    # -- what the pipeline asks -------------------------------------------

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        return await work

    async def join(self, topics: Collection[str]) -> None:
        self._fail("join")

    async def leave(self) -> None:
        self.left += 1
        self._fail("leave")

    async def stop(self) -> None:
        self.stopped += 1

    def end_of_log(self, tp: TopicPartition) -> int | None:
        return self.end(tp)

    async def fetch_committed(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, Commit]:
        self._fail("fetch_committed")
        return {
            tp: Commit(self.committed[tp], self.metadata.get(tp, ""))
            for tp in tps
            if tp in self.committed
        }

    async def fetch_bounds(
        self, tps: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        self._fail("fetch_bounds")
        self.on_bounds()
        if self.leaderless & set(tps):
            raise LeaderNotAvailableError
        return {tp: (self.log_starts.get(tp, 0), self.end(tp)) for tp in tps}

    async def set_positions(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.positions.update(offsets)

    async def commit_offsets(self, commits: Mapping[TopicPartition, Commit]) -> None:
        self._fail("commit_offsets")
        offsets = {tp: commit.offset for tp, commit in commits.items()}
        moved = {tp: it for tp, it in offsets.items() if it != self.committed.get(tp, 0)}
        if moved:
            self.commits.append(moved)
        self.committed.update(offsets)
        self.metadata.update({tp: commit.metadata for tp, commit in commits.items()})

    async def stay(self, timeout_s: float) -> None:
        await asyncio.sleep(0)
        self._fail("stay")

    async def fetch(
        self, wanted: Mapping[TopicPartition, int], records_max: int, timeout_s: float, epoch: int
    ) -> list[Fetched]:
        self.fetches.append({tp.topic for tp in wanted})
        self.fetch_timeouts_s.append(timeout_s)
        await asyncio.sleep(0)
        self._fail("fetch")
        fetched = []
        for tp, start in list(self.positions.items()):
            most = min(records_max, self.slice_records_max, wanted.get(tp, 0))
            records = [it for it in self.logs.get(tp, ()) if it.offset >= start][:most]
            if tp in wanted and records:
                records_max -= len(records)
                end = self.positions[tp] = records[-1].offset + 1
                size_bytes = sum(len(record.value or b"") for record in records)
                piece = Slice(tp, start, end, epoch, len(records), size_bytes)
                fetched.append(Fetched(piece, list(records), []))
        return fetched

    def _fail(self, name: str) -> None:
        if self.errors.get(name):
            raise self.errors[name].pop(0)
