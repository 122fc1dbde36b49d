"""The tail of results and dead letters: reads what becomes of requests sent from now on."""

from collections.abc import Iterator
from functools import partial
from typing import Self, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from judgify.replay.outcomes import Buried, Outcome, Position, parse_result
from runtime.clock import SystemClock
from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError
from topics.clients import ask, open_consumer, refused, require_topic
from topics.headers import parse_dead_letter, parse_origin_text

READ_MAX = 1_000
"""Records per read."""
BUFFER_KIB_MAX = 16_384
"""Fetched and not read yet, in all."""
ANSWER_TIMEOUT_S = 15.0
"""Longest wait for the broker's answer to a question about topics."""
LEADER_RETRY_S = 0.2

_NO_LEADER_YET = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)


def open_tail_consumer(bootstrap: str) -> Consumer:
    """Return a consumer without a group that sees records within a tenth of a second."""
    return open_consumer(
        bootstrap,
        **{
            "client.id": "judgify-cli",
            "enable.partition.eof": False,
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": BUFFER_KIB_MAX,
        },
    )


def find_ends(
    consumer: Consumer, bootstrap: str, topic: str, *, beginning: bool = False
) -> list[TopicPartition]:
    """Return each partition of `topic` with the offset of its end (or its beginning).

    Real offsets, not "the end": that one would be looked up later, past what came in between.

    Raises:
        DependencyError: Kafka does not answer, or there is no such topic.
    """
    places = []
    for partition in range(require_topic(consumer, bootstrap, topic, ANSWER_TIMEOUT_S)):
        place = TopicPartition(topic, partition)
        question = partial(_find_bounds, consumer, place)
        low, high = ask(bootstrap, f"finding the end of {topic}/{partition}", question)
        places.append(TopicPartition(topic, partition, low if beginning else high))
    return places


def _find_bounds(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Return the first and the next offset; a topic made a moment ago may have no leader yet."""
    clock = SystemClock()
    deadline_s = clock.monotonic_s() + ANSWER_TIMEOUT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, ANSWER_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER_YET or clock.monotonic_s() > deadline_s:
                raise
            consumer.poll(LEADER_RETRY_S)
        else:
            return low, high


class OutcomeTail:
    """Outcomes of requests on `requests_topic`, from the moment it was opened.

    It stands at the ends of both topics when the constructor returns, so nothing that is sent
    afterwards can be missed. Raises DependencyError when Kafka does not answer.
    """

    def __init__(
        self, bootstrap: str, requests_topic: str, results_topic: str, dead_topic: str
    ) -> None:
        self._bootstrap = bootstrap
        self._requests_topic = requests_topic
        self._results_topic = results_topic
        self._consumer = open_tail_consumer(bootstrap)
        try:
            ends = [
                *find_ends(self._consumer, bootstrap, results_topic),
                *find_ends(self._consumer, bootstrap, dead_topic),
            ]
            self._consumer.assign(ends)
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave; a second time changes nothing."""
        self._consumer.close()

    def read(self, timeout_s: float) -> Iterator[Outcome]:
        """Yield outcomes that have come; waits up to `timeout_s` for the first."""
        for message in self._consumer.consume(READ_MAX, timeout_s):
            error = message.error()
            if error is not None:
                self._refuse_lasting(error)
            else:
                outcome = self._parse(message)
                if outcome is not None:
                    yield outcome

    def _refuse_lasting(self, error: KafkaError) -> None:
        """Raise what does not mend itself; the client tries the rest again in silence."""
        if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise refused(self._bootstrap, "reading outcomes", error)

    def _parse(self, message: Message) -> Outcome | None:
        if message.topic() == self._results_topic:
            return self._parse_result(message)
        return self._parse_dead_letter(message)

    def _parse_result(self, message: Message) -> Outcome | None:
        value = message.value()
        parsed = value and parse_result(
            value,
            timestamp_ms=message.timestamp()[1],
            partition=message.partition() or 0,
            offset=message.offset() or 0,
        )
        if not parsed:
            return None
        topic, judged = parsed
        return judged if topic == self._requests_topic else None

    def _parse_dead_letter(self, message: Message) -> Outcome | None:
        try:
            letter = parse_dead_letter(_headers(message), message.key(), message.value())
            request = _find_request(letter, self._requests_topic)
        except MessageError:
            return None
        return request and Buried(
            request=request,
            agent=letter.agent,
            code=letter.code,
            reason=letter.reason,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
        )


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    # Safe here: dead letters are written by us alone, without headers that cannot be read.
    return cast("list[tuple[str, bytes | None]]", message.headers() or [])


def _find_request(letter: DeadLetter, requests_topic: str) -> Position | None:
    """Return where the request stands that `letter` stems from, if it stands on that topic."""
    if letter.request_origin is None:
        is_request = letter.topic == requests_topic
        return Position(letter.partition, letter.offset) if is_request else None
    topic, partition, offset, _ = parse_origin_text(letter.request_origin)
    return Position(partition, offset) if topic == requests_topic else None
