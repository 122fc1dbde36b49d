"""How the stream stands: per partition for `/status`, in sums for the metrics."""

from collections.abc import Iterable
from typing import Any, Protocol

from runtime.metrics import (
    CONSUMER_LAG_RECORDS,
    JUDGMENT_QUEUE_LENGTH,
    OLDEST_UNFINISHED_SECONDS,
)
from stream.fetch_thread import FetchThread
from stream.ledger import PartitionLedger, TopicPartition
from stream.seam import Seam


class Named(Protocol):
    """What the metrics are labelled with."""

    @property
    def group(self) -> str: ...
    @property
    def requests_topic(self) -> str: ...


def describe(seam: Seam, thread: FetchThread | None, now_s: float) -> list[dict[str, Any]]:
    """Return one row per assigned partition."""
    return [
        {
            "topic": tp.topic,
            "partition": tp.partition,
            "first_unfinished": ledger.first_unfinished(),
            "log_end": thread.end_of_log(tp) if thread else None,
            "in_flight": ledger.records_unfinished,
            "oldest_unfinished_s": _age_s(seam, tp, ledger),
            "held": _describe_held(seam, tp, now_s),
        }
        for tp, ledger in sorted(seam.ledger.partitions.items())
    ]


def _describe_held(seam: Seam, tp: TopicPartition, now_s: float) -> dict[str, Any] | None:
    held = seam.progress.held
    culprit = seam.progress.culprits.get(tp.lane)
    if culprit is not None:
        return {
            "kind": "record",
            "name": f"{tp.lane}/{culprit.offset}",
            "reason": f"the record at offset {culprit.offset} ends every process that works on it",
            "since_s": round(now_s - culprit.since_s, 1),
        }
    names = (tp.lane, tp.topic, tp.start, "fetch")
    found = next((held[name] for name in names if name in held), None)
    if found is None:
        return None
    return {
        "kind": "dependency",
        "name": found.dependency,
        "reason": found.reason,
        "since_s": round(now_s - found.since_s, 1),
    }


def _age_s(seam: Seam, tp: TopicPartition, ledger: PartitionLedger) -> float | None:
    culprit = seam.progress.culprits.get(tp.lane)
    if culprit is not None:
        return max(0.0, (seam.clock.now_ms() - culprit.timestamp_ms) / 1_000)
    for entry in ledger.entries:
        if not entry.finished and entry.oldest_timestamp_ms is not None:
            return max(0.0, (seam.clock.now_ms() - entry.oldest_timestamp_ms) / 1_000)
    return None


def update_metrics(
    seam: Seam, thread: FetchThread | None, names: Named, topics: Iterable[str]
) -> None:
    """Set the gauges of lag and age; a topic of `topics` without a partition of ours has none."""
    lags = dict.fromkeys(topics, 0)
    ages = [0.0]
    for tp, ledger in seam.ledger.partitions.items():
        first = ledger.first_unfinished()
        end = thread.end_of_log(tp) if thread else None
        behind = max(0, end - first) if first is not None and end is not None else 0
        lags[tp.topic] = lags.get(tp.topic, 0) + behind
        ages.append(_age_s(seam, tp, ledger) or 0.0)
    for topic, lag in lags.items():
        CONSUMER_LAG_RECORDS.labels(names.group, topic).set(lag)
    if names.requests_topic in lags:
        JUDGMENT_QUEUE_LENGTH.set(lags[names.requests_topic])
    OLDEST_UNFINISHED_SECONDS.labels(names.group).set(max(ages))
