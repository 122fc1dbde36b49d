"""The ledger: which records of a partition are handed out, finished, and so may be committed.

Pure: no broker, no clock. Its law: a commit never passes an unfinished record, whatever the order
in which work completes, partitions come and go, or positions are set back.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from stream.attempts import Attempts


class Commit(NamedTuple):
    """What is committed of a partition."""

    offset: int
    metadata: str = ""


class TopicPartition(NamedTuple):
    """A partition of a topic, as aiokafka and Faust name it."""

    topic: str
    partition: int

    @property
    def lane(self) -> str:
        """The name under which work on it is held, or a record of it."""
        return f"{self.topic}/{self.partition}"

    @property
    def start(self) -> str:
        """The name under which it is held while its start is looked for; no lane lets go of it."""
        return f"start/{self.lane}"


@dataclass(slots=True, eq=False)
class Entry:
    """A slice that was handed out: the offsets from `start` up to, not including, `end`."""

    owner: "PartitionLedger"
    start: int
    end: int
    records: int
    size_bytes: int
    oldest_timestamp_ms: int | None = None
    finished: bool = False
    pending: deque[int] = field(default_factory=deque)
    """Of a slice that is finished record by record: the offsets from the first unfinished on."""
    finished_ahead: set[int] = field(default_factory=set)
    """Those of `pending` that are finished and wait for one before them."""


class Slice(NamedTuple):
    """What a fetch brought of one partition.

    `start` is the position before the fetch and `end` the position after it: offsets between the
    two without a record hold markers or were compacted, and count as read.
    """

    partition: TopicPartition
    start: int
    end: int
    epoch: int
    records: int = 0
    size_bytes: int = 0
    oldest_timestamp_ms: int | None = None


class Rewind(NamedTuple):
    """The slice is not what comes next: set the position back to `offset` and drop the slice."""

    offset: int


@dataclass(slots=True)
class PartitionLedger:
    """The offsets of one assigned partition."""

    since_epoch: int
    """Slices whose fetch began before this epoch are not believed."""
    expected: int | None = None
    """Where the next slice must start; None until the start is resolved."""
    attempts: Attempts = field(default_factory=Attempts)
    """What travels with the commits."""
    taken: bool = False
    """It has been written that our work begins, or may have been: who leaves must take it back."""
    committed: Commit | None = None
    """The last that the broker confirmed as committed by us or before us."""
    entries: deque[Entry] = field(default_factory=deque)
    records_unfinished: int = 0
    bytes_unfinished: int = 0

    def first_unfinished(self) -> int | None:
        """Return the offset up to which everything is finished; None before the start is known."""
        return self.entries[0].start if self.entries else self.expected

    def ahead(self) -> int:
        """Return how many offsets were handed out from the first unfinished one on."""
        return (self.expected or 0) - self.entries[0].start if self.entries else 0

    def settle(self) -> None:
        """Forget finished entries at the head; later ones wait for those before them."""
        while self.entries and self.entries[0].finished:
            self.entries.popleft()


class Ledger:
    """The offsets of every partition that is assigned to this process."""

    def __init__(self) -> None:
        self.epoch = 0
        """Raised whenever positions change under a fetch that may be on its way."""
        self.assignment = 0
        """Raised by each assignment, and by nothing else."""
        self._leaving = False
        self._partitions: dict[TopicPartition, PartitionLedger] = {}

    # -- assignment -------------------------------------------------------

    def assign(self, assigned: Iterable[TopicPartition]) -> None:
        """Start anew with `assigned`; what was handed out before is no longer ours to finish."""
        self.epoch += 1
        self.assignment += 1
        self._leaving = False
        self._partitions = {tp: PartitionLedger(self.epoch) for tp in assigned}

    def revoke(self) -> None:
        """Drop everything: late completions change nothing."""
        self.assign(())

    def unresolved(self) -> list[TopicPartition]:
        """Return the partitions whose start is not known yet; nothing of theirs is accepted."""
        return [tp for tp, ledger in self._partitions.items() if ledger.expected is None]

    def take(self, attempts: Mapping[TopicPartition, Attempts], assignment: int) -> bool:
        """Let the next commit say that our work begins; False: nothing may begin any more.

        Asked again in one assignment it changes nothing: what stands there now we wrote ourselves.
        """
        if self._leaving or self.assignment != assignment:
            return False
        for tp, told in attempts.items():
            ledger = self._partitions.get(tp)
            if ledger is not None and not (ledger.taken and ledger.attempts.at == told.at):
                ledger.attempts, ledger.taken = told, True
        return True

    def resolve(self, partition: TopicPartition, start: int) -> None:
        """Expect `start` next; the position must be set to it by the caller."""
        if (ledger := self._partitions.get(partition)) is not None:
            ledger.expected = start

    def rewind(self, partition: TopicPartition) -> int | None:
        """Return where the position must be set, and disbelieve the slices already on their way."""
        ledger = self._partitions.get(partition)
        if ledger is None or ledger.expected is None:
            return None
        self.epoch += 1
        ledger.since_epoch = self.epoch
        return ledger.expected

    # -- work -------------------------------------------------------------

    def accept(self, piece: Slice) -> Entry | Rewind | None:
        """Take `piece` as the next of its partition, or say that the position must be set back.

        None: the partition is not ours, or its start is not resolved; the slice is dropped.
        """
        ledger = self._partitions.get(piece.partition)
        if ledger is None or ledger.expected is None:
            return None
        if piece.epoch < ledger.since_epoch or piece.start != ledger.expected:
            return Rewind(ledger.expected)
        ledger.expected = piece.end
        entry = Entry(
            ledger,
            piece.start,
            piece.end,
            piece.records,
            piece.size_bytes,
            piece.oldest_timestamp_ms,
            finished=piece.records == 0,
        )
        ledger.records_unfinished += piece.records
        ledger.bytes_unfinished += piece.size_bytes
        ledger.entries.append(entry)
        ledger.settle()
        return entry

    def finish(self, entry: Entry) -> None:
        """Every output of `entry` is acknowledged. Of a lost partition it changes nothing."""
        if entry.finished:
            return
        entry.finished = True
        owner = entry.owner
        owner.records_unfinished -= entry.records
        owner.bytes_unfinished -= entry.size_bytes
        owner.settle()

    def itemize(self, entry: Entry, offsets: Iterable[int]) -> None:
        """Let `entry` be finished record by record; `offsets` of all its records, in order."""
        entry.pending.extend(offsets)

    def finish_one(self, entry: Entry, offset: int) -> None:
        """Every output of the record at `offset` is acknowledged; in any order, each once."""
        if entry.finished:
            return
        entry.records -= 1
        entry.owner.records_unfinished -= 1
        entry.finished_ahead.add(offset)
        pending = entry.pending
        while pending and pending[0] in entry.finished_ahead:
            entry.finished_ahead.discard(pending.popleft())
        if pending:
            entry.start = pending[0]
        else:
            self.finish(entry)

    # -- commits ----------------------------------------------------------

    def due_commits(self) -> dict[TopicPartition, Commit]:
        """Return what to commit: for each partition the first offset that is not finished."""
        due = {}
        for tp, ledger in self._partitions.items():
            offset = ledger.first_unfinished()
            if offset is None and ledger.taken:
                offset = ledger.attempts.at
            if offset is None:
                continue
            ledger.attempts = ledger.attempts.reached(offset)
            commit = Commit(offset, ledger.attempts.encode())
            if commit != ledger.committed:
                due[tp] = commit
        return due

    def note_committed(self, commits: Mapping[TopicPartition, Commit], epoch: int) -> None:
        """The broker confirmed `commits`, which were due in `epoch`."""
        for tp, commit in commits.items():
            ledger = self._partitions.get(tp)
            if ledger is not None and ledger.since_epoch <= epoch:
                ledger.committed = commit

    def mark(self, partition: TopicPartition, first: int, end: int) -> None:
        """The records from `first` to before `end` are handed out next: the next commit says so."""
        if (ledger := self._partitions.get(partition)) is not None:
            ledger.attempts = ledger.attempts.marking(first, end)

    def note_survived(self, partition: TopicPartition) -> None:
        """A dependency stops the partition's work: nobody died of it."""
        if (ledger := self._partitions.get(partition)) is not None:
            ledger.attempts = ledger.attempts.survived()

    def leave(self) -> None:
        """Nothing more is begun: the next commits say that we leave in good order."""
        self._leaving = True
        for ledger in self._partitions.values():
            ledger.attempts = ledger.attempts.left()

    # -- looking ----------------------------------------------------------

    @property
    def partitions(self) -> Mapping[TopicPartition, PartitionLedger]:
        """The ledgers by partition, to look at and not to change."""
        return self._partitions

    def backlog(self, topic: str) -> tuple[int, int]:
        """Return the records and bytes of `topic` that are handed out and not finished."""
        ledgers = [ledger for tp, ledger in self._partitions.items() if tp.topic == topic]
        return (
            sum(ledger.records_unfinished for ledger in ledgers),
            sum(ledger.bytes_unfinished for ledger in ledgers),
        )

    def count_unfinished(self) -> int:
        """Return how many records are handed out and not finished."""
        return sum(ledger.records_unfinished for ledger in self._partitions.values())
