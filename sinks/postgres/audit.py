"""The audit: proves that every record of the requests topic was judged, or says which was not.

The order of the questions is the proof. rule-agent commits after its outputs are acknowledged, so
the ends of the topics behind it, asked afterwards, cover all that its committed records became. The
same holds for llm-agent before results, and for postgres-sink's own burials before dead letters:
each end is asked only when the lane before it has been passed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.errors import DependencyError
from sinks.postgres.audit_log import AuditLog, Span
from sinks.postgres.connection import Connection, connect
from sinks.postgres.statements import load_statement
from topics.headers import origin_text
from topics.registry import DEAD_LETTERS, ESCALATIONS, REQUESTS, RESULTS, full_name

OFFSETS_AT_ONCE: Final = 100_000
"""Offsets that one question to PostgreSQL covers: a fraction of a second, some megabytes."""
NAMED_MAX: Final = 100
"""Records left over, and losses, that are named; all are counted."""
POLL_S: Final = 0.5
"""Between two looks at what a group has finished."""
AGENTS: Final = ["rule-agent", "llm-agent", "postgres-sink"]
"""Whose dead letters account for a request."""

_PLAN: Final = "SET enable_nestloop = off; SET jit = off"
"""A range of the log is joined by hashing: PostgreSQL expects one row in it and meets thousands."""

Progress = Callable[[int, int], None]
"""Called with offsets looked at and offsets in all."""

_OFFSETS: Final = load_statement("audit_offsets")
_RECORDS: Final = load_statement("audit_records")
_LOST: Final = load_statement("audit_lost")


class LaneBehindError(DependencyError):
    """A process did not pass what was asked of it in time: the audit cannot tell yet."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that retention took before an agent had read them."""

    topic: str
    partition: int
    offset: int
    """The first that is missing."""
    agent: str
    reason: str
    at: datetime


@dataclass(slots=True)
class Audit:
    """What became of the records of the requests topic that rule-agent has finished."""

    judged: int = 0
    duplicates: int = 0
    buried: int = 0
    left_over: int = 0
    without_record: int = 0
    """Offsets that hold no record: transaction markers, aborted records."""
    not_finished: int = 0
    """Offsets that rule-agent has not committed yet: not audited."""
    left_over_at: list[str] = field(default_factory=list)
    """`topic/partition/offset/timestamp` of the first that are left over."""
    lost: list[Loss] = field(default_factory=list)
    """The newest losses."""

    @property
    def records(self) -> int:
        """How many records were audited."""
        return self.judged + self.duplicates + self.buried + self.left_over

    @property
    def clean(self) -> bool:
        """Whether nothing is left over or lost."""
        return not self.left_over and not self.lost


async def run_audit(
    bootstrap: str,
    database_url: str,
    prefix: str,
    *,
    timeout_s: float,
    progress: Progress = lambda _done, _total: None,
) -> Audit:
    """Return what became of every finished request; changes nothing.

    Raises:
        LaneBehindError: llm-agent or postgres-sink did not catch up within `timeout_s`.
        DependencyError: Kafka or PostgreSQL does not answer.
    """
    with closing(AuditLog(bootstrap)) as log:
        lanes = _Lanes(log, prefix, timeout_s)
        finished, not_finished = await lanes.fetch_finished()
        await lanes.wait()
        async with connect(database_url, "judgify audit") as connection:
            await connection.execute(_PLAN)
            topic = full_name(REQUESTS, prefix)
            accounts = _Accounts(log, connection, topic)
            audit = accounts.audit
            audit.not_finished = not_finished
            total = sum(span.end - span.first for span in finished.values())
            done = 0
            for partition, span in finished.items():
                started_ms = await accounts.fetch_start(partition, span)
                for first in range(span.first, span.end, OFFSETS_AT_ONCE):
                    end = min(first + OFFSETS_AT_ONCE, span.end)
                    await accounts.add(partition, Span(first, end), started_ms)
                    done += end - first
                    progress(done, total)
            topics = [full_name(spec, prefix) for spec in (REQUESTS, ESCALATIONS, RESULTS)]
            audit.lost = await _fetch_losses(connection, topics)
            return audit


class _Lanes:
    """The processes behind the requests topic, and what each must have passed."""

    def __init__(self, log: AuditLog, prefix: str, timeout_s: float) -> None:
        self._log = log
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._deadline_s = asyncio.get_running_loop().time() + timeout_s

    async def fetch_finished(self) -> tuple[dict[int, Span], int]:
        """Return what rule-agent has finished of each partition, and how much it has not."""
        topic = full_name(REQUESTS, self._prefix)
        spans = await asyncio.to_thread(self._log.fetch_spans, topic)
        committed = await self._fetch_committed("rule-agent", topic, list(spans))
        finished = {}
        for partition, span in spans.items():
            end = max(span.first, committed.get(partition, span.first))
            finished[partition] = Span(span.first, end)
        waiting = sum(max(0, span.end - finished[p].end) for p, span in spans.items())
        return finished, waiting

    async def wait(self) -> None:
        """Wait until what the finished requests became has come to rest in PostgreSQL.

        Raises:
            LaneBehindError: it did not in time.
        """
        await self._wait_passed("llm-agent", full_name(ESCALATIONS, self._prefix))
        await self._wait_passed("postgres-sink", full_name(RESULTS, self._prefix))
        await self._wait_passed("postgres-sink", full_name(DEAD_LETTERS, self._prefix))

    async def _wait_passed(self, process: str, topic: str) -> None:
        """Wait until `process` has finished every record that `topic` holds now."""
        spans = await asyncio.to_thread(self._log.fetch_spans, topic)
        held = {partition: span for partition, span in spans.items() if span.end > span.first}
        while held:
            committed = await self._fetch_committed(process, topic, list(held))
            held = {
                partition: span
                for partition, span in held.items()
                if committed.get(partition, -1) < span.end
            }
            if held and asyncio.get_running_loop().time() >= self._deadline_s:
                raise self._behind(process, topic, held, committed)
            if held:
                await asyncio.sleep(POLL_S)

    async def _fetch_committed(
        self, process: str, topic: str, partitions: Sequence[int]
    ) -> dict[int, int]:
        group = f"{self._prefix}{process}"
        return await asyncio.to_thread(self._log.fetch_committed, group, topic, partitions)

    def _behind(
        self, process: str, topic: str, held: dict[int, Span], committed: dict[int, int]
    ) -> LaneBehindError:
        partition, span = next(iter(held.items()))
        at = committed.get(partition, "nothing")
        return LaneBehindError(
            process,
            f"did not pass {topic} within {self._timeout_s:g} s ({len(held)} partitions behind; "
            f"partition {partition}: finished {at} of {span.end}): see `judgify status`",
        )


class _Accounts:
    """Counts what became of each record, and looks twice before it calls one left over."""

    def __init__(self, log: AuditLog, connection: Connection, topic: str) -> None:
        self._log = log
        self._connection = connection
        self._topic = topic
        self.audit = Audit()

    async def fetch_start(self, partition: int, span: Span) -> int:
        """Return the broker time (ms) at which the partition begins; -1 when it is empty.

        Rows from before belong to a topic of the same name that was deleted.
        """
        if span.first == span.end:
            return -1
        started_ms = await asyncio.to_thread(
            self._log.read_first_timestamp, self._topic, partition, span
        )
        return -1 if started_ms is None else started_ms

    async def add(self, partition: int, span: Span, started_ms: int) -> None:
        """Count the records of `span`."""
        row = await self._connection.fetchrow(
            _OFFSETS, self._topic, partition, span.first, span.end, started_ms, AGENTS
        )
        if row is None:
            return
        self.audit.judged += row["judged"]
        self.audit.duplicates += row["duplicates"]
        self.audit.buried += row["buried"]
        if row["missing"]:
            await self._look_twice(partition, row["missing"])

    async def _look_twice(self, partition: int, missing: Sequence[int]) -> None:
        """Find out which of the offsets hold a record, and what the tables say of exactly that."""
        records = await asyncio.to_thread(
            self._log.read_timestamps, self._topic, partition, missing
        )
        self.audit.without_record += len(missing) - len(records)
        fates = await self._connection.fetch(
            _RECORDS, self._topic, partition, list(records), list(records.values()), AGENTS
        )
        for offset, fate in fates:
            if fate == "judged":
                self.audit.judged += 1
            elif fate == "duplicate":
                self.audit.duplicates += 1
            elif fate == "buried":
                self.audit.buried += 1
            else:
                self._leave_over(origin_text(self._topic, partition, offset, records[offset]))

    def _leave_over(self, origin: str) -> None:
        self.audit.left_over += 1
        if len(self.audit.left_over_at) < NAMED_MAX:
            self.audit.left_over_at.append(origin)


async def _fetch_losses(connection: Connection, topics: list[str]) -> list[Loss]:
    rows = await connection.fetch(_LOST, topics, NAMED_MAX)
    return [
        Loss(
            row["topic"],
            row["partition"],
            row["record_offset"],
            row["agent"],
            row["reason"],
            row["at"],
        )
        for row in rows
    ]
