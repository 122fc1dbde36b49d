"""What Kafka knows of processes that do not answer: their committed offsets, and the log's ends."""

import concurrent.futures
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient

from judgify.status.snapshot import PartitionView
from topics.clients import open_admin

METADATA_TIMEOUT_S: Final = 1.5
OFFSETS_TIMEOUT_S: Final = 1.5

Partitions = Mapping[str, int]
_OffsetSpec: Final[Any] = vars(kafka_admin)["OffsetSpec"]  # its stub does not export it


class Broker:
    """Kafka, asked in threads of its own: whatever librdkafka does, the command ends in time."""

    def __init__(self, bootstrap: str) -> None:
        """Open a client; nothing is asked yet."""
        self._admin: AdminClient = open_admin(bootstrap)

    def fetch_partitions(self, topics: Iterable[str]) -> Partitions | str:
        """Return how many partitions each existing topic has; a text when Kafka does not answer."""
        answer = _in_thread(
            lambda: self._admin.list_topics(timeout=METADATA_TIMEOUT_S).topics, METADATA_TIMEOUT_S
        )
        if isinstance(answer, str):
            return answer
        wanted = set(topics)
        return {
            name: len(topic.partitions)
            for name, topic in answer.items()
            if name in wanted and topic.error is None
        }

    def fetch_behind(self, group: str, partitions: Partitions) -> list[PartitionView]:
        """Return how far `group` has committed in `partitions`; [] when Kafka does not answer."""
        if not partitions:
            return []
        answer = _in_thread(lambda: self._fetch_behind(group, partitions), OFFSETS_TIMEOUT_S)
        return [] if isinstance(answer, str) else answer

    def _fetch_behind(self, group: str, partitions: Partitions) -> list[PartitionView]:
        wanted = [
            TopicPartition(topic, number)
            for topic, count in partitions.items()
            for number in range(count)
        ]
        deadline_s = time.monotonic() + OFFSETS_TIMEOUT_S
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=OFFSETS_TIMEOUT_S
        )
        ends = self._ask_offsets(wanted, _OffsetSpec.latest())
        starts = self._ask_offsets(wanted, _OffsetSpec.earliest())
        (reply,) = [_result(future, deadline_s) for future in asked.values()]
        committed = {(tp.topic, tp.partition): tp.offset for tp in reply.topic_partitions}
        return [
            PartitionView(
                topic=tp.topic,
                partition=tp.partition,
                # Without a commit (a negative offset) a group begins where the log does.
                first_unfinished=max(
                    committed.get((tp.topic, tp.partition), -1),
                    _result(starts[tp], deadline_s).offset,
                ),
                log_end=_result(ends[tp], deadline_s).offset,
            )
            for tp in wanted
        ]

    def _ask_offsets(self, wanted: Sequence[TopicPartition], spec: Any) -> dict[Any, Any]:
        asked: dict[Any, Any] = self._admin.list_offsets(
            dict.fromkeys(wanted, spec), request_timeout=OFFSETS_TIMEOUT_S
        )
        return asked


def _result(future: Any, deadline_s: float) -> Any:
    return future.result(max(0.0, deadline_s - time.monotonic()))


def _in_thread(question: Any, timeout_s: float) -> Any:
    """Return the answer to `question`, or a text saying why there is none in time."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(question())
        except KafkaException as error:
            answers.append(error.args[0].str().rpartition("Local: ")[2].lower())
        except concurrent.futures.TimeoutError:
            answers.append("no answer in time")

    thread = threading.Thread(target=ask, name="ask-kafka", daemon=True)
    thread.start()
    thread.join(timeout_s + 0.3)
    return answers[0] if answers else f"no answer within {timeout_s:g} s"
