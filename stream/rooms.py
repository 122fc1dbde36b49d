"""Rooms: how many more records each partition of a topic may be handed. Pure."""

from collections.abc import Mapping
from typing import Final

from stream.ledger import PartitionLedger, TopicPartition

SLICE_RECORDS_MAX: Final = 500
"""Records of one slice where there are many: some milliseconds of work, and then the loop turns."""
AHEAD_OFFSETS_MAX: Final = 2_000
"""How far records that are finished one by one may be ahead of the first that is not."""

Ledgers = Mapping[TopicPartition, PartitionLedger]


def share_many(
    ledgers: Ledgers, topic: str, records_max: int, bytes_max: int
) -> dict[TopicPartition, int]:
    """Return the partitions of `topic` that may be handed more, and how many records.

    Each has an equal share of the bounds, so that one partition whose work is held cannot
    take the room of the others. It is filled up when half of it is free: slices are large
    enough to be worth their cost, and small enough that every partition has work.
    """
    ours = _of_topic(ledgers, topic)
    records_share = max(1, records_max // max(1, len(ours)))
    bytes_share = max(1, bytes_max // max(1, len(ours)))
    return {
        tp: min(records_share - ledger.records_unfinished, SLICE_RECORDS_MAX)
        for tp, ledger in ours.items()
        if ledger.records_unfinished <= records_share // 2 and ledger.bytes_unfinished < bytes_share
    }


def share_few(ledgers: Ledgers, topic: str, records_max: int) -> dict[TopicPartition, int]:
    """Return the partitions of a topic of which few records are handed out, and how many more.

    A partition may have as many as are left for all: so one alone can keep everybody busy, and
    those whose work is held leave room to the others. One record each may always have, or many
    that are held would stop the rest: that is how far the bound may be passed. None runs far ahead
    of its first unfinished record: what lies between would be done again after a crash.
    """
    ours = _of_topic(ledgers, topic)
    room = max(1, records_max - sum(ledger.records_unfinished for ledger in ours.values()))
    fit = [
        tp
        for tp, ledger in ours.items()
        if ledger.records_unfinished < room and ledger.ahead() < AHEAD_OFFSETS_MAX
    ]
    return {tp: max(1, room // len(fit)) for tp in fit}


def share_one(ledgers: Ledgers, topic: str) -> dict[TopicPartition, int]:
    """Return the partitions of which nothing is handed out, and one record for each.

    For when the bytes of `topic` are used up. How large a slice is, is known only when it is there,
    so some partitions may hold more than their share, and what is held there may be held for
    hours. The rest goes on record by record; the bound is passed by one record of each at most.
    """
    ours = _of_topic(ledgers, topic)
    return {tp: 1 for tp, ledger in ours.items() if not ledger.records_unfinished}


def _of_topic(ledgers: Ledgers, topic: str) -> Ledgers:
    return {tp: ledger for tp, ledger in ledgers.items() if tp.topic == topic}
