"""Looking at a run from outside: how far the results are, what they say, what is committed."""

import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # no `__all__`

from bench.figures import Answer
from schemas.errors import DependencyError
from topics.clients import DEPENDENCY, open_admin, open_consumer

_T = TypeVar("_T")

ANSWER_TIMEOUT_S: Final = 20.0
READ_RECORDS: Final = 10_000
POSITIONS: Final = """
    SELECT state_key, ser_change FROM snaps
    WHERE step_id = 'judge.requests' AND snap_epoch < (
        SELECT min(worker_frontier) FROM fronts WHERE ex_num = (SELECT max(ex_num) FROM fronts)
    )
    ORDER BY snap_epoch
"""
"""Positions of ended epochs in a recovery store, the newest last (Source: Bytewax 0.21.1)."""


class Observer:
    """Watches one results topic; asks the broker ten times a second, the same for everyone."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self.partitions = partitions
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._admin = open_admin(bootstrap)

    def ends(self) -> list[int]:
        """Return the end of each partition."""
        newest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # a constant of theirs
        answers = self._admin.list_offsets(dict.fromkeys(self._places, newest))
        ends = {place.partition: it.result(ANSWER_TIMEOUT_S) for place, it in answers.items()}
        return [ends[place.partition].offset for place in self._places]

    def committed(self, group: str, topic: str) -> list[int]:
        """Return how many records of each partition of `topic` the group has committed."""
        consumer = open_consumer(self._bootstrap, **{"group.id": group})
        try:
            places = [TopicPartition(topic, place.partition) for place in self._places]
            found = consumer.committed(places, ANSWER_TIMEOUT_S)
        finally:
            consumer.close()
        return [0 if place.offset == OFFSET_INVALID else place.offset for place in found]

    def assigned(self, group: str) -> list[int]:
        """Return how many partitions each member of the group has."""
        described = self._admin.describe_consumer_groups([group])[group].result(ANSWER_TIMEOUT_S)
        return [len(member.assignment.topic_partitions) for member in described.members]

    def read(self, starts: list[int]) -> list[tuple[int, str, Answer]]:
        """Return broker time, judgment id and answer of every result from `starts` on."""

        def pick(message: Message, it: Any) -> tuple[int, str, Answer]:
            return (
                message.timestamp()[1],
                it["judgment_id"],
                (it["status"], it["verdict"], it["rule"]),
            )

        return self.read_as(starts, pick)

    def read_origins(self, starts: list[int]) -> list[tuple[int, int]]:
        """Return partition and offset of the request of every result from `starts` on."""
        return self.read_as(
            starts, lambda _, it: (it["origin"]["partition"], it["origin"]["offset"])
        )

    def read_as(self, starts: list[int], pick: Callable[[Message, Any], _T]) -> list[_T]:
        """Return what `pick` takes of message and judgment of every result from `starts` on.

        Raises:
            KafkaException: the broker refused.
        """
        consumer = open_consumer(self._bootstrap)
        try:
            consumer.assign(
                [
                    TopicPartition(self._topic, number, offset)
                    for number, offset in enumerate(starts)
                ]
            )
            return _read_to_end(consumer, len(starts), pick)
        finally:
            consumer.close()


def committed_in_store(directory: Path) -> list[int]:
    """Return up to which offset each partition is done, as a recovery store of Bytewax says.

    From these positions a dataflow would go on: the newest of an epoch that every worker has ended.
    """
    found: dict[int, int] = {}
    for path in directory.glob("*.sqlite3"):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as store:
            for key, pickled in store.execute(POSITIONS):
                position = pickle.loads(pickled)  # noqa: S301 -- written by a process of ours
                found[int(key.partition("-")[0])] = max(position, 0)
    return [found[number] for number in sorted(found)]


def _read_to_end(
    consumer: Consumer, partitions: int, pick: Callable[[Message, Any], _T]
) -> list[_T]:
    found: list[_T] = []
    ended: set[int | None] = set()
    while len(ended) < partitions:
        first = consumer.poll(ANSWER_TIMEOUT_S)
        if first is None:
            raise DependencyError(DEPENDENCY, f"nothing came in {ANSWER_TIMEOUT_S:.0f} s")
        for message in (first, *consumer.consume(READ_RECORDS, 0)):
            error = message.error()
            if error is None:
                found.append(pick(message, orjson.loads(message.value() or b"")))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
                ended.add(message.partition())
            else:
                raise KafkaException(error)
    return found
