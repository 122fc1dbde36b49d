"""Sending requests again: new records with their old key and value, acknowledged one by one."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from judgify.replay.sending import ACK_TIMEOUT_S, LOOKUP_TIMEOUT_S, POLL_S, open_request_producer
from schemas.errors import DependencyError
from sinks.postgres.redrive_queries import Letter, LetterId
from topics.clients import DEPENDENCY, refused, require_topic
from topics.headers import origin_text
from topics.publishing import PARTITION_BY_KEY
from topics.redrive_headers import make_redrive_headers

_SILENCE_S: Final = 5.0
"""How much longer than the delivery timeout we wait for its report."""


class Resender:
    """Publishes letters to the requests topic; `send` leaves none in flight."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Connect.

        Raises:
            DependencyError: Kafka does not answer, or there is no such topic.
        """
        self._bootstrap = bootstrap
        self._topic = topic
        self._producer: Producer = open_request_producer(bootstrap)
        self._partitions = require_topic(self._producer, bootstrap, topic, LOOKUP_TIMEOUT_S)

    def send(self, letters: Sequence[Letter]) -> tuple[dict[LetterId, str], DependencyError | None]:
        """Publish `letters` in order; return where each acknowledged one stands now.

        The error, if there is one, is the first; what it stopped may be in the log all the same.
        """
        acknowledged: dict[LetterId, str] = {}
        failures: list[KafkaError] = []
        for letter in letters:
            self._produce(letter, acknowledged, failures)
        unanswered = self._producer.flush(ACK_TIMEOUT_S + _SILENCE_S)
        what = f"sending to {self._topic}"
        if failures:
            return acknowledged, refused(self._bootstrap, what, failures[0])
        if unanswered:
            self._producer.purge()
            return acknowledged, DependencyError(DEPENDENCY, f"{what}: no answer in time")
        return acknowledged, None

    def _produce(
        self, letter: Letter, acknowledged: dict[LetterId, str], failures: list[KafkaError]
    ) -> None:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error)
                return
            place = (message.partition() or 0, message.offset() or 0, message.timestamp()[1])
            acknowledged[letter.id] = origin_text(self._topic, *place)

        was = letter.id
        headers = make_redrive_headers(
            letter.headers or (), was.topic, was.partition, was.offset, was.timestamp
        )
        # Where it stood before: another partition would not keep the order of its key.
        partition = was.partition if was.partition < self._partitions else PARTITION_BY_KEY
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    letter.value,
                    letter.key,
                    partition,
                    headers=list(headers),
                    on_delivery=note,
                )
            except BufferError:  # ends: what is in flight is reported on within ACK_TIMEOUT_S
                self._producer.poll(POLL_S)
            except KafkaException as error:
                failures.append(error.args[0])
                return
            else:
                return
