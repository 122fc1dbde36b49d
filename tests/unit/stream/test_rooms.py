"""How much is handed out: bounded, and nobody who is held takes the room of the others."""

from hypothesis import given
from hypothesis import strategies as st

from stream.ledger import Entry, Ledger, Slice, TopicPartition
from stream.rooms import AHEAD_OFFSETS_MAX, SLICE_RECORDS_MAX, share_few, share_many

TP = TopicPartition("requests", 0)
OTHER = TopicPartition("requests", 1)


def assigned(partitions: int) -> Ledger:
    """Return the ledger of so many partitions, each at its beginning."""
    ledger = Ledger()
    places = [TopicPartition("requests", number) for number in range(partitions)]
    ledger.assign(places)
    for place in places:
        ledger.resolve(place, 0)
    return ledger


def hand(ledger: Ledger, place: TopicPartition, records: int) -> Entry:
    """Hand out the next records of `place`, ten bytes each."""
    start = ledger.partitions[place].expected or 0
    piece = Slice(place, start, start + records, ledger.epoch, records, 10 * records)
    entry = ledger.accept(piece)
    assert isinstance(entry, Entry)
    return entry


def test_a_partition_that_is_held_takes_only_its_share_of_the_room() -> None:
    ledger = assigned(2)
    hand(ledger, TP, 5)

    assert share_many(ledger.partitions, "requests", 18, 1_000) == {OTHER: 9}
    assert share_many(ledger.partitions, "requests", 20, 1_000) == {TP: 5, OTHER: 10}
    assert share_many(ledger.partitions, "requests", 20, 100) == {OTHER: 10}
    assert share_many(ledger.partitions, "requests", 1, 100) == {OTHER: 1}


@given(st.integers(1, 30_000), st.integers(1, 40), st.data())
def test_what_is_handed_out_never_exceeds_the_bound(
    records_max: int, partitions: int, data: st.DataObject
) -> None:
    ledger = assigned(partitions)

    for _ in range(8):
        rooms = share_many(ledger.partitions, "requests", records_max, 1_000)
        if not rooms:
            break
        place = data.draw(st.sampled_from(sorted(rooms)))
        assert 0 < rooms[place] <= SLICE_RECORDS_MAX
        hand(ledger, place, rooms[place])

    assert ledger.backlog("requests")[0] <= max(records_max, partitions)


def test_one_partition_alone_may_have_all_that_is_few() -> None:
    ledger = assigned(2)

    assert share_few(ledger.partitions, "requests", 8) == {TP: 4, OTHER: 4}
    hand(ledger, TP, 3)
    assert share_few(ledger.partitions, "requests", 8) == {TP: 2, OTHER: 2}
    assert share_few(ledger.partitions, "results", 8) == {}


@given(st.integers(1, 200), st.integers(2, 40), st.data())
def test_however_many_are_held_no_other_is_kept_from_its_work(
    records_max: int, partitions: int, data: st.DataObject
) -> None:
    ledger = assigned(partitions)
    free, *held = data.draw(st.permutations(sorted(ledger.partitions)))
    for _ in range(records_max + partitions):
        rooms = share_few(ledger.partitions, "requests", records_max)
        fit = [place for place in held if place in rooms]
        if not fit:
            break
        hand(ledger, fit[0], rooms[fit[0]])

    for _ in range(3):  # its records end, those of the others never
        rooms = share_few(ledger.partitions, "requests", records_max)
        assert rooms[free] >= 1
        ledger.finish(hand(ledger, free, rooms[free]))
    assert ledger.backlog("requests")[0] <= records_max + partitions


def test_the_head_bounds_how_far_a_partition_runs_ahead() -> None:
    ledger = assigned(1)
    entry = hand(ledger, TP, AHEAD_OFFSETS_MAX)
    ledger.itemize(entry, range(AHEAD_OFFSETS_MAX))
    for offset in range(1, AHEAD_OFFSETS_MAX):
        ledger.finish_one(entry, offset)
    at_the_bound = share_few(ledger.partitions, "requests", 8)

    ledger.finish_one(entry, 0)

    assert at_the_bound == {}
    assert share_few(ledger.partitions, "requests", 8) == {TP: 8}
