"""Sending requests: an idempotent producer that says where each one stands in the log."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from judgify.replay.outcomes import Position
from schemas.errors import DependencyError, MessageError, PipelineError
from topics.clients import DEPENDENCY, ask, open_producer, refused, require_topic
from topics.registry import REQUEST_BYTES_MAX

IN_FLIGHT_MAX = 10_000
"""Requests sent and not acknowledged; then `send` waits."""
IN_FLIGHT_KIB_MAX = 32_768
ACK_TIMEOUT_S = 30.0
"""Longest wait for the broker's acknowledgement of one request."""
LOOKUP_TIMEOUT_S = 10.0
POLL_S = 0.1


class Outgoing(NamedTuple):
    """A request as the bytes that travel."""

    key: bytes | None
    value: bytes


def open_request_producer(bootstrap: str) -> Producer:
    """Return a producer for requests: idempotent, bounded, in batches, uncompressed."""
    return open_producer(
        bootstrap,
        **{
            "client.id": "judgify-replay",
            "linger.ms": 5,
            "compression.type": "none",
            "message.max.bytes": REQUEST_BYTES_MAX,
            "queue.buffering.max.messages": IN_FLIGHT_MAX,
            "queue.buffering.max.kbytes": IN_FLIGHT_KIB_MAX,
            "delivery.timeout.ms": int(ACK_TIMEOUT_S * 1_000),
        },
    )


class RequestSender:
    """Sends requests; `on_sent` hears of each one that the broker has acknowledged.

    Call it from one thread: `on_sent` runs inside `send`, `poll` and `flush`.

    Every call may raise DependencyError (the broker refused a request, or did not answer in time)
    or MessageError (too large); what `on_sent` has heard of is in the log all the same.
    """

    def __init__(
        self, bootstrap: str, topic: str, on_sent: Callable[[Position, int], None]
    ) -> None:
        self._producer = open_request_producer(bootstrap)
        self._bootstrap = bootstrap
        self._topic = topic
        self._on_sent = on_sent
        self._refused: KafkaError | None = None
        require_topic(self._producer, bootstrap, topic, LOOKUP_TIMEOUT_S)

    @property
    def cluster_id(self) -> str:
        """Return the cluster's id; requests without an id of their own are named after it."""
        what = "asking for the cluster's id"
        question = partial(self._producer.list_topics, self._topic, LOOKUP_TIMEOUT_S)
        return str(ask(self._bootstrap, what, question).cluster_id)

    def send(self, outgoing: Outgoing) -> None:
        """Hand one request to the producer; waits while too many are in flight."""
        while True:
            try:
                self._producer.produce(
                    self._topic, outgoing.value, outgoing.key, on_delivery=self._note
                )
            except BufferError:
                self.poll(POLL_S)
            except KafkaException as error:
                raise self._translate(error.args[0]) from error
            else:
                self.poll(0)
                return

    def poll(self, timeout_s: float) -> None:
        """Hear of acknowledgements; returns after the first, or after `timeout_s`."""
        self._producer.poll(timeout_s)
        if self._refused is not None:
            raise self._translate(self._refused)

    def flush(self) -> None:
        """Wait until nothing is in flight."""
        left = self._producer.flush(ACK_TIMEOUT_S + POLL_S)
        self.poll(0)
        if left:
            raise DependencyError(
                DEPENDENCY,
                f"{left} requests to {self._topic} not acknowledged in {ACK_TIMEOUT_S:g} s",
            )

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused = self._refused or error
            return
        position = Position(message.partition() or 0, message.offset() or 0)
        self._on_sent(position, message.timestamp()[1])

    def _translate(self, error: KafkaError) -> PipelineError:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return MessageError(
                "too_large", f"{self._topic} takes requests of {REQUEST_BYTES_MAX} bytes at most"
            )
        return refused(self._bootstrap, f"sending to {self._topic}", error)
