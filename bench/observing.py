"""Looking at a run from outside: how far the results are, what they say, what is committed."""

from typing import Any, Final

import orjson
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # no `__all__`

from bench.figures import Answer
from topics.clients import open_admin, open_consumer

ANSWER_TIMEOUT_S: Final = 20.0
READ_RECORDS: Final = 10_000


class Observer:
    """Watches one results topic; asks the broker ten times a second, the same for everyone."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._admin = open_admin(bootstrap)

    def ends(self) -> list[int]:
        """Return the end of each partition."""
        newest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # a constant of theirs
        answers = self._admin.list_offsets(dict.fromkeys(self._places, newest))
        ends = {place.partition: it.result(ANSWER_TIMEOUT_S) for place, it in answers.items()}
        return [ends[place.partition].offset for place in self._places]

    def committed(self, group: str, topic: str) -> int:
        """Return how many records of `topic` the group has committed."""
        consumer = open_consumer(self._bootstrap, **{"group.id": group})
        try:
            places = [TopicPartition(topic, place.partition) for place in self._places]
            found = consumer.committed(places, ANSWER_TIMEOUT_S)
        finally:
            consumer.close()
        return sum(place.offset for place in found if place.offset != OFFSET_INVALID)

    def read(self, starts: list[int]) -> list[tuple[int, str, Answer]]:
        """Return broker time, judgment id and answer of every result from `starts` on.

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
            return _read_to_end(consumer, len(starts))
        finally:
            consumer.close()


def _read_to_end(consumer: Consumer, partitions: int) -> list[tuple[int, str, Answer]]:
    found: list[tuple[int, str, Answer]] = []
    ended: set[int | None] = set()
    while len(ended) < partitions:
        messages = consumer.consume(READ_RECORDS, ANSWER_TIMEOUT_S if not found else 0.1)
        for message in messages:
            error = message.error()
            if error is None:
                answer = orjson.loads(message.value() or b"")
                told = (answer["status"], answer["verdict"], answer["rule"])
                found.append((message.timestamp()[1], answer["judgment_id"], told))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- librdkafka's public local code
                ended.add(message.partition())
            else:
                raise KafkaException(error)
    return found
