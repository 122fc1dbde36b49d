"""Careful handing out: chunks or single records, marked before, and the culprit not at all."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import KafkaConnectionError

from stream import careful
from stream.attempts import DEATHS_MARKED_MAX, Attempts, parse_attempts
from stream.commits import Committer
from stream.fetched import Fetched
from stream.hold import Held
from stream.ledger import Commit, Entry, Slice, TopicPartition
from stream.salvage import UnreadableRecord
from stream.status import describe
from stream.tasks import Tasks
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.fake_thread import FakeThread
from tests.support.seams import REQUESTS, SeamBench
from tests.support.waiting import wait_until_async

TP, TP1 = TopicPartition(REQUESTS, 0), TopicPartition(REQUESTS, 1)


class Bench(SeamBench):
    """Careful hands over a committer, of which every step can be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.assign(0, 1)
        self.thread = FakeThread()
        self.commits = Committer(self.thread, self.seam)  # type: ignore[arg-type]  # -- what it asks of it
        self.handed: list[tuple[Fetched, Entry, str]] = []
        self.rewinds: list[TopicPartition] = []
        self.hands = careful.CarefulHands(self.seam, self.commits, self._hand, self.rewinds.append)

    def _hand(self, piece: Fetched, entry: Entry) -> None:
        self.handed.append((piece, entry, self.thread.metadata[piece.slice.partition]))

    def suspect(self, tp: TopicPartition, metadata: str = "fine careful_until=100") -> None:
        """Take the partition as its owner finds it."""
        attempts = careful_attempts(metadata)
        assert self.ledger.take({tp: attempts}, self.ledger.assignment)
        self.ledger.note_committed({tp: Commit(0, attempts.encode())}, self.ledger.epoch)
        self.thread.metadata[tp] = attempts.encode()

    def add(self, tp: TopicPartition, *offsets: int, end: int | None = None) -> None:
        records = [FakeRecord(offset, value=b"%d" % offset) for offset in offsets]
        last = end if end is not None else offsets[-1] + 1
        piece = Slice(tp, 0, last, self.ledger.epoch, len(records))
        self.hands.add(Fetched(piece, list(records), []))

    def offsets(self, tp: TopicPartition = TP) -> list[int]:
        return [
            record.offset
            for piece, _, _ in self.handed
            for record in (*piece.records, *piece.unreadable)
            if piece.slice.partition == tp
        ]

    def finish_last(self) -> None:
        self.ledger.finish(self.handed[-1][1])

    async def until_handed(self, count: int) -> None:
        await wait_until_async(lambda: len(self.handed) >= count, what=f"{count} handed out")

    async def turn(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)


def careful_attempts(metadata: str) -> Attempts:
    return parse_attempts(0, f"judgify working {metadata}")


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(careful, "POLL_S", 0)
    monkeypatch.setattr(careful, "SKIP_POLL_S", 0.001)
    monkeypatch.setattr(careful, "MARK_RETRY_S", 0.001)
    bench, tasks = Bench(), Tasks()
    tasks.spawn(bench.hands.run())
    yield bench
    await tasks.cancel()


async def test_a_record_is_handed_out_when_the_one_before_is_done(bench: Bench) -> None:
    bench.suspect(TP)
    bench.add(TP, 0, 1, 2)
    await bench.until_handed(1)
    await bench.turn()
    first = bench.offsets()

    for number in range(3):
        await bench.until_handed(number + 1)
        bench.ledger.finish(bench.handed[number][1])

    assert first == [0]
    assert bench.offsets() == [0, 1, 2]


async def test_every_record_is_marked_before_it_is_handed_out(bench: Bench) -> None:
    bench.suspect(TP)
    bench.add(TP, 0, 3)
    await bench.until_handed(1)
    bench.ledger.finish(bench.handed[0][1])
    await bench.until_handed(2)

    marks = [metadata for _, _, metadata in bench.handed]
    assert ["marked=0" in marks[0], "marked=3" in marks[1]] == [True, True]
    assert bench.thread.committed[TP] == 3  # the gap between belongs to the record before


async def test_many_suspects_are_handed_out_in_chunks_each_marked_by_one_commit(
    bench: Bench,
) -> None:
    bench.suspect(TP, "careful_until=1000")
    bench.add(TP, *range(250), end=260)
    for number in range(3):
        await bench.until_handed(number + 1)
        await bench.turn()
        assert len(bench.handed) == number + 1  # the next waits until this one is done
        bench.finish_last()

    marks = [metadata.partition("marked=")[2] for _, _, metadata in bench.handed]
    assert [len(piece.records) for piece, _, _ in bench.handed] == [100, 100, 50]
    assert marks == ["0 marked_until=100", "100 marked_until=200", "200 marked_until=260"]
    assert bench.committable() == 260
    assert bench.thread.commits == [{TP: 100}, {TP: 200}]


async def test_an_unreadable_record_is_one_of_its_chunk(bench: Bench) -> None:
    bench.suspect(TP, "careful_until=3")
    bad = UnreadableRecord(0, TIMESTAMP_MS, None, b"v", "a header key is not UTF-8")
    records = [FakeRecord(offset) for offset in (1, 2, 3, 4)]
    bench.hands.add(Fetched(Slice(TP, 0, 5, bench.ledger.epoch, 5), [*records], [bad]))
    await bench.until_handed(1)
    bench.finish_last()
    await bench.until_handed(2)

    [(chunk, _, marked), (rest, _, trusted)] = bench.handed
    assert (len(chunk.records), len(chunk.unreadable), len(rest.records)) == (2, 1, 2)
    assert marked.endswith("marked=0 marked_until=3")
    assert trusted == "judgify working"


async def test_of_all_partitions_one_record_is_alone_at_a_time(bench: Bench) -> None:
    bench.suspect(TP)
    bench.suspect(TP1)
    bench.add(TP, 0)
    bench.add(TP1, 0, 1)
    for number in range(3):
        await bench.until_handed(number + 1)
        await bench.turn()
        marked = [tp for tp in (TP, TP1) if "marked=" in bench.thread.metadata[tp]]
        assert len(bench.handed) == number + 1
        assert marked == [bench.handed[-1][0].slice.partition]
        bench.finish_last()


async def test_a_chunk_waits_for_no_other_partition(bench: Bench) -> None:
    bench.suspect(TP)
    bench.suspect(TP1, "careful_until=500")
    bench.add(TP, 0, 1)
    bench.add(TP1, 0, 1)

    await bench.until_handed(2)

    assert (bench.offsets(TP), bench.offsets(TP1)) == ([0], [0, 1])


async def test_a_record_that_a_dependency_holds_keeps_no_other_partition_waiting(
    bench: Bench,
) -> None:
    bench.suspect(TP)
    bench.suspect(TP1)
    bench.add(TP, 0)
    await bench.until_handed(1)
    bench.add(TP1, 0)
    bench.seam.progress.held[f"{REQUESTS}/0"] = Held("postgres", "away", 0)

    await bench.commits.commit()
    await bench.until_handed(2)

    assert bench.offsets(TP1) == [0]
    assert "marked=" not in bench.thread.metadata[TP]


@pytest.mark.parametrize("lane", [REQUESTS, TP.lane])
async def test_nothing_is_handed_out_to_wait_for_what_a_dependency_holds(
    bench: Bench, lane: str
) -> None:
    """It would be marked and taken for a survivor, though nobody has worked on it."""
    bench.suspect(TP)
    bench.seam.progress.held[lane] = Held("postgres", "away", 0)
    bench.add(TP, 0)
    await bench.turn()
    while_held = list(bench.handed)

    bench.seam.progress.held.clear()
    await bench.until_handed(1)

    assert while_held == []


@pytest.mark.parametrize("lane", [REQUESTS, TP.lane])
async def test_what_is_proven_against_a_record_stands_until_it_has_waited_itself(
    bench: Bench, lane: str
) -> None:
    bench.suspect(TP, "fine died_of=0 deaths_marked=1 careful_until=9")
    bench.seam.progress.held[lane] = Held("postgres", "away", 0)
    await bench.commits.commit()
    before = bench.thread.metadata[TP]
    bench.seam.progress.held.clear()

    bench.add(TP, 0)
    await bench.until_handed(1)
    bench.seam.progress.held[lane] = Held("postgres", "away", 0)
    with bench.seam.progress.work(lane):
        await bench.commits.commit()
        at_work = bench.thread.metadata[TP]
    await bench.commits.commit()

    assert "died_of=0 deaths_marked=1" in before
    assert at_work.endswith("marked=0 died_of=0 deaths_marked=1")
    assert bench.thread.metadata[TP] == "judgify working fine careful_until=9"


async def test_what_cannot_be_marked_is_not_handed_out(bench: Bench) -> None:
    bench.suspect(TP)
    bench.thread.errors["commit_offsets"] = [KafkaConnectionError() for _ in range(1_000)]

    bench.add(TP, 0)
    await bench.turn()
    while_away = list(bench.handed)
    bench.thread.errors.clear()
    await bench.until_handed(1)

    assert while_away == []


async def test_the_culprit_is_held_and_no_other_partition(bench: Bench) -> None:
    bench.suspect(TP, f"fine died_of=1 deaths_marked={DEATHS_MARKED_MAX} careful_until=9")
    bench.suspect(TP1)
    bench.add(TP, 0, 1, 2)
    bench.add(TP1, 0)
    for number in range(2):
        await bench.until_handed(number + 1)
        bench.finish_last()
    await wait_until_async(lambda: bench.seam.progress.culprits)
    await bench.turn()

    assert (bench.offsets(TP), bench.offsets(TP1)) == ([0], [0])
    assert bench.hands.has(TP)
    [held] = [row["held"] for row in describe(bench.seam, None, 0) if row["held"]]
    assert (held["kind"], held["name"]) == ("record", f"{REQUESTS}/0/1")


async def test_an_order_to_skip_releases_the_culprit(bench: Bench) -> None:
    bench.suspect(TP, f"fine died_of=0 deaths_marked={DEATHS_MARKED_MAX} careful_until=9")
    bench.add(TP, 0, 1)
    await wait_until_async(lambda: bench.seam.progress.culprits)

    bench.skips = {(REQUESTS, 0, 0): "it ends us"}
    await bench.until_handed(1)
    bench.ledger.finish(bench.handed[0][1])
    await bench.until_handed(2)

    assert bench.offsets() == [0, 1]
    assert bench.seam.progress.culprits == {}


async def test_an_unreadable_record_is_handed_out_alone_as_well(bench: Bench) -> None:
    bench.suspect(TP)
    bad = UnreadableRecord(1, TIMESTAMP_MS, None, b"v", "a header key is not UTF-8")
    records = [FakeRecord(0, value=b"0"), FakeRecord(2, value=b"2")]
    bench.hands.add(Fetched(Slice(TP, 0, 5, bench.ledger.epoch, 3), [*records], [bad]))

    for number in range(3):
        await bench.until_handed(number + 1)
        bench.ledger.finish(bench.handed[number][1])

    assert bench.offsets() == [0, 1, 2]
    assert bench.committable() == 5


async def test_markers_alone_are_passed_over(bench: Bench) -> None:
    bench.suspect(TP)
    bench.hands.add(Fetched(Slice(TP, 0, 4, bench.ledger.epoch), [], []))

    await wait_until_async(lambda: bench.committable() == 4)

    assert bench.handed == []
    assert not bench.hands.has(TP)


async def test_a_slice_that_does_not_fit_is_fetched_again(bench: Bench) -> None:
    bench.suspect(TP)
    records = [FakeRecord(7, value=b"7")]
    bench.hands.add(Fetched(Slice(TP, 7, 8, bench.ledger.epoch, 1), [*records], []))

    await wait_until_async(lambda: bench.rewinds)

    assert bench.rewinds == [TP]
    assert not bench.hands.has(TP)


async def test_what_is_cleared_is_never_handed_out(bench: Bench) -> None:
    bench.suspect(TP)
    bench.add(TP, 0, 1)
    await bench.until_handed(1)

    bench.hands.clear()
    bench.ledger.finish(bench.handed[0][1])
    await bench.turn()

    assert bench.offsets() == [0]
    assert not bench.hands.has(TP)


async def test_a_partition_is_trusted_again_behind_what_was_suspected(bench: Bench) -> None:
    bench.suspect(TP, "fine careful_until=2")
    bench.add(TP, 0, 1)
    for number in range(2):
        await bench.until_handed(number + 1)
        bench.ledger.finish(bench.handed[number][1])
    while_queued = bench.hands.wants(TP)
    await bench.commits.commit()

    assert while_queued
    assert not bench.hands.wants(TP)
    assert bench.thread.metadata[TP] == "judgify working"


def test_nobody_is_careful_without_a_reason() -> None:
    assert not Bench().hands.wants(TP)
