"""What Kafka knows for the audit: where logs begin and end, what groups finished, what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # -- exported without `__all__`

from schemas.errors import DependencyError
from topics.clients import DEPENDENCY, ask, open_admin, open_consumer, refused, require_topic

ANSWER_TIMEOUT_S: Final = 10.0
"""Longest wait for one answer about offsets."""
READ_TIMEOUT_S: Final = 30.0
"""Longest silence while records are read that must be there, or whose gap must show."""
RECORDS_AT_ONCE: Final = 1_000
CONSUME_S: Final = 0.05
"""Longest wait for so many: what came meanwhile is taken."""
READ_AHEAD_KB: Final = 16_384
"""What librdkafka may hold of records that nobody asked for yet."""
RUN_GAP_MAX: Final = 1_000
"""Offsets nearer to one another than this are read in one go; a further one is sought."""

_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # -- confluent-kafka has no types here
_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # -- confluent-kafka has no types here


@dataclass(frozen=True, slots=True)
class Span:
    """The records of a partition that exist: offsets `first` to `end` - 1, some of them gaps."""

    first: int
    end: int


class AuditLog:
    """Answers questions about offsets; blocks, so call it from a thread. Changes nothing."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = open_admin(bootstrap)
        self._consumer: Consumer | None = None

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def fetch_spans(self, topic: str) -> dict[int, Span]:
        """Return what each partition of `topic` holds, up to the first open transaction.

        Raises:
            DependencyError: Kafka does not answer, or there is no such topic.
        """
        count = require_topic(self._open_consumer(), self._bootstrap, topic, ANSWER_TIMEOUT_S)
        firsts = self._list_offsets(topic, count, _EARLIEST)
        ends = self._list_offsets(topic, count, _LATEST)
        return {number: Span(firsts[number], ends[number]) for number in range(count)}

    def fetch_committed(self, group: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Return the offsets that `group` committed; a partition without one is left out."""
        asked = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, number) for number in partitions]
        )
        what = f"asking what {group} has finished"
        future = self._admin.list_consumer_group_offsets([asked], request_timeout=ANSWER_TIMEOUT_S)[
            group
        ]
        answer = ask(self._bootstrap, what, future.result)
        return {
            position.partition: position.offset
            for position in answer.topic_partitions or ()
            if position.offset >= 0
        }

    def read_timestamps(self, topic: str, partition: int, offsets: Sequence[int]) -> dict[int, int]:
        """Return the broker time (ms) of each of `offsets`, ascending, that holds a record.

        What an aborted transaction, a marker, compaction or retention left empty is not in it.

        Raises:
            DependencyError: Kafka fell silent.
        """
        found: dict[int, int] = {}
        for run in _split_runs(offsets):
            read = self._read(topic, partition, run[0], run[-1] + 1)
            found |= {offset: read[offset] for offset in run if offset in read}
        return found

    def read_first_timestamp(self, topic: str, partition: int, span: Span) -> int | None:
        """Return the broker time (ms) of the first record of `span`; None when it holds none."""
        found = self._read(topic, partition, span.first, span.end, records_max=1)
        return next(iter(found.values()), None)

    def _read(
        self, topic: str, partition: int, first: int, end: int, records_max: int = 2**63
    ) -> Mapping[int, int]:
        """Return offset → timestamp of the records from `first` to before `end`."""
        consumer = self._open_consumer()
        consumer.assign([TopicPartition(topic, partition, first)])
        found: dict[int, int] = {}
        position, heard_s = first, monotonic()
        while position < end and len(found) < records_max:
            for message in consumer.consume(min(RECORDS_AT_ONCE, records_max), CONSUME_S):
                heard_s = monotonic()
                error, offset = message.error(), message.offset()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
                    raise refused(self._bootstrap, f"reading {topic}/{partition}", error)
                position = end if error is not None or offset is None else offset + 1
                if error is None and offset is not None and offset < end:
                    found[offset] = message.timestamp()[1]
            if monotonic() - heard_s > READ_TIMEOUT_S:
                raise DependencyError(
                    DEPENDENCY,
                    f"reading {topic}/{partition} at {self._bootstrap}: nothing for "
                    f"{READ_TIMEOUT_S:g} s at offset {position}",
                )
        return found

    def _list_offsets(self, topic: str, count: int, spec: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(topic, number): spec for number in range(count)}
        answers = self._admin.list_offsets(
            asked,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=ANSWER_TIMEOUT_S,
        )
        what = f"asking where {topic} begins and ends"
        return {
            position.partition: ask(self._bootstrap, what, future.result).offset
            for position, future in answers.items()
        }

    def _open_consumer(self) -> Consumer:
        if self._consumer is None:
            self._consumer = open_consumer(
                self._bootstrap, **{"queued.max.messages.kbytes": READ_AHEAD_KB}
            )
        return self._consumer


def _split_runs(offsets: Sequence[int]) -> list[list[int]]:
    """Part ascending `offsets` where more than `RUN_GAP_MAX` lies between two of them."""
    runs: list[list[int]] = []
    for offset in offsets:
        if runs and offset - runs[-1][-1] <= RUN_GAP_MAX:
            runs[-1].append(offset)
        else:
            runs.append([offset])
    return runs
