"""The law of the ledger: a commit never passes unfinished work, whatever happens."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from stream.ledger import Entry, Ledger, Rewind, Slice, TopicPartition

TP = TopicPartition("requests", 0)
OTHER = TopicPartition("requests", 1)


def resolved_ledger(start: int = 0) -> Ledger:
    ledger = Ledger()
    ledger.assign([TP])
    ledger.resolve(TP, start)
    return ledger


def accept(ledger: Ledger, start: int, end: int) -> Entry:
    entry = ledger.accept(Slice(TP, start, end, ledger.epoch, end - start, 10 * (end - start)))
    assert isinstance(entry, Entry)
    return entry


def due(ledger: Ledger) -> dict[TopicPartition, int]:
    """Return the offsets that are to be committed."""
    return {tp: commit.offset for tp, commit in ledger.due_commits().items()}


def test_a_commit_waits_for_the_first_unfinished_slice() -> None:
    ledger = resolved_ledger()
    first, second, third = accept(ledger, 0, 5), accept(ledger, 5, 9), accept(ledger, 9, 12)

    ledger.finish(third)
    ledger.finish(second)
    before = due(ledger)
    ledger.finish(first)

    assert before == {TP: 0}
    assert due(ledger) == {TP: 12}


def test_an_aborted_transaction_is_committed_past() -> None:
    ledger = resolved_ledger()

    ledger.finish(accept(ledger, 0, 3))
    ledger.accept(Slice(TP, 3, 7, ledger.epoch))  # markers only: no record

    assert due(ledger) == {TP: 7}


def test_a_gap_is_accepted_only_when_the_position_led_up_to_it() -> None:
    ledger = resolved_ledger()

    skipped = ledger.accept(Slice(TP, 4, 9, ledger.epoch, 5))
    gap = ledger.accept(Slice(TP, 0, 9, ledger.epoch, 5))

    assert skipped == Rewind(0)
    assert isinstance(gap, Entry)


def test_a_slice_fetched_before_a_rewind_and_delivered_after_it_is_dropped() -> None:
    ledger = resolved_ledger()
    on_its_way = Slice(TP, 0, 5, ledger.epoch, 5)

    ledger.rewind(TP)

    assert ledger.accept(on_its_way) == Rewind(0)
    assert due(ledger) == {TP: 0}


def test_a_slice_of_a_former_assignment_is_dropped() -> None:
    ledger = resolved_ledger()
    on_its_way = Slice(TP, 0, 5, ledger.epoch, 5)

    ledger.assign([TP])
    unresolved = ledger.accept(on_its_way)
    ledger.resolve(TP, 0)

    assert unresolved is None
    assert ledger.accept(on_its_way) == Rewind(0)


def test_a_late_completion_after_revocation_changes_nothing() -> None:
    ledger = resolved_ledger()
    entry = accept(ledger, 0, 5)

    ledger.revoke()
    ledger.assign([TP])
    ledger.resolve(TP, 0)
    ledger.finish(entry)

    assert due(ledger) == {TP: 0}
    assert ledger.count_unfinished() == 0


def test_a_commit_confirmed_after_a_reassignment_is_not_believed() -> None:
    ledger = resolved_ledger()
    ledger.finish(accept(ledger, 0, 5))
    commits, epoch = ledger.due_commits(), ledger.epoch

    ledger.assign([TP])
    ledger.resolve(TP, 0)
    ledger.finish(accept(ledger, 0, 5))
    ledger.note_committed(commits, epoch)

    assert due(ledger) == {TP: 5}


def test_the_backlog_counts_what_is_handed_out_and_not_finished() -> None:
    ledger = resolved_ledger()
    first = accept(ledger, 0, 5)
    accept(ledger, 5, 7)

    ledger.finish(first)
    ledger.finish(first)

    assert ledger.backlog("requests") == (2, 20)
    assert ledger.backlog("results") == (0, 0)


def test_records_that_end_in_any_order_are_committed_up_to_the_first_that_has_not() -> None:
    ledger = resolved_ledger()
    entry = accept(ledger, 0, 6)
    ledger.itemize(entry, (0, 2, 3))
    seen = []

    for offset in (3, 0, 2):
        ledger.finish_one(entry, offset)
        seen.append(due(ledger)[TP])

    assert seen == [0, 2, 6]
    assert ledger.count_unfinished() == 0


class LedgerMachine(RuleBasedStateMachine):
    """A log, a consumer that may be anywhere, work that ends in any order, and the ledger between.

    `done` is the truth: the offsets whose outputs were acknowledged.
    """

    slices: Bundle[Slice] = Bundle("slices")
    entries: Bundle[Entry] = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.position = 0
        self.committed = 0
        self.done: set[int] = set()
        self.covered: dict[int, tuple[int, int]] = {}

    @rule()
    def rebalance(self) -> None:
        self.ledger.assign([TP, OTHER])
        self.position = self.committed  # as the broker sets it

    @precondition(lambda self: TP in self.ledger.unresolved())
    @rule()
    def resolve(self) -> None:
        self.ledger.resolve(TP, self.committed)
        self.position = self.committed

    @rule()
    def lose_partition(self) -> None:
        self.ledger.revoke()

    @rule(target=slices, count=st.integers(0, 4), gap=st.integers(0, 2))
    def fetch(self, count: int, gap: int) -> Slice:
        start, self.position = self.position, self.position + count + gap
        return Slice(TP, start, self.position, self.ledger.epoch, count, count)

    @rule(delta=st.integers(-5, 5))
    def position_jumps(self, delta: int) -> None:
        self.position = max(0, self.position + delta)

    @rule(target=entries, piece=slices, one_by_one=st.booleans())
    def deliver(self, piece: Slice, *, one_by_one: bool) -> Entry:
        accepted = self.ledger.accept(piece)
        if isinstance(accepted, Rewind):
            self.ledger.rewind(TP)
            self.position = accepted.offset
        if isinstance(accepted, Entry):
            if accepted.finished:
                self.done.update(range(accepted.start, accepted.end))
            elif one_by_one:
                behind = accepted.start + piece.records
                self.ledger.itemize(accepted, range(accepted.start, behind))
                self.done.update(range(behind, accepted.end))  # markers: nothing to be done
            return accepted
        return Entry(next(iter([*self.ledger.partitions.values()]), None), 0, 0, 0, 0)  # type: ignore[arg-type]  # -- a finished stand-in

    @rule(entry=entries)
    def complete(self, entry: Entry) -> None:
        if entry.owner is not None:
            self.done.update(range(entry.start, entry.end))
            self.ledger.finish(entry)

    @rule(entry=entries, which=st.integers(0, 3))
    def complete_one(self, entry: Entry, which: int) -> None:
        left = [offset for offset in entry.pending if offset not in entry.finished_ahead]
        if left:
            self.done.add(left[which % len(left)])
            self.ledger.finish_one(entry, left[which % len(left)])

    @rule(fails=st.booleans())
    def commit(self, fails: bool) -> None:
        commits, epoch = self.ledger.due_commits(), self.ledger.epoch
        if TP in commits and not fails:
            assert all(offset in self.done for offset in range(commits[TP].offset))
            self.committed = commits[TP].offset
            self.ledger.note_committed(commits, epoch)

    @invariant()
    def commits_never_pass_unfinished_work(self) -> None:
        offset_due = due(self.ledger).get(TP, 0)
        assert all(offset in self.done for offset in range(offset_due))

    @invariant()
    def the_backlog_is_never_negative(self) -> None:
        records, size_bytes = self.ledger.backlog("requests")
        assert records >= 0
        assert size_bytes >= 0


TestLedgerMachine = LedgerMachine.TestCase
