"""What PostgreSQL holds of a run: waits until the sink has passed its results, then asks."""

import threading
from collections.abc import Mapping
from contextlib import closing

from judgify.replay.outcomes import join_ranges
from judgify.replay.run import Plan
from judgify.replay.tally import Tally
from runtime.clock import Clock, SystemClock
from sinks.postgres.audit_log import AuditLog
from sinks.postgres.run_counts import Range
from topics.registry import DEAD_LETTERS, RESULTS

POLL_S = 0.2
SINK = "postgres-sink"


def await_stored(
    plan: Plan, tally: Tally, *, stop: threading.Event, clock: Clock | None = None
) -> bool:
    """Return whether the sink has finished every result and dead letter of a run in time.

    Waits up to `plan.timeout_s`. What it has finished is stored, counted as duplicate, or buried.
    """
    clock = clock or SystemClock()
    deadline_s = clock.monotonic_s() + plan.timeout_s
    with closing(AuditLog(plan.bootstrap)) as log:
        for spec, ends in ((RESULTS, tally.result_ends), (DEAD_LETTERS, tally.dead_letter_ends)):
            while not _has_passed(log, f"{plan.prefix}{SINK}", plan.topic(spec), ends):
                if clock.monotonic_s() > deadline_s or stop.wait(POLL_S):
                    return False
    return True


def _has_passed(log: AuditLog, group: str, topic: str, ends: Mapping[int, int]) -> bool:
    committed = log.fetch_committed(group, topic, list(ends)) if ends else {}
    return all(committed.get(partition, 0) >= end for partition, end in ends.items())


def find_ranges(tally: Tally) -> list[Range]:
    """Return where the requests of a run stand: others between them are left out."""
    return [Range(*each) for each in join_ranges(sorted(tally.sent()))]
