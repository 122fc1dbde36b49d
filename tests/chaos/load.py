"""The load: an open loop that sends at its rate whatever answers, and remembers every request."""

import threading
import time
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.workload import Sent, Workload

TICK_S: Final = 0.01
FLUSH_TIMEOUT_S: Final = 90.0
MESSAGE_TIMEOUT_MS: Final = 80_000
"""Longer than any outage, so that what was sent arrives, and below the time we flush."""


class Load:
    """Sends in a thread of its own until told to stop."""

    def __init__(self, bootstrap: str, topic: str, workload: Workload, rate_per_s: int) -> None:
        self._topic = topic
        self.workload = workload
        """What is sent from now on; it may be exchanged while we run."""
        self._rate_per_s = rate_per_s
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "message.timeout.ms": MESSAGE_TIMEOUT_MS,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 0,  # outages are on purpose
            }
        )
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._stopping = threading.Event()
        self.sent: list[Sent] = []
        """By number: the request `n` is at index `n`."""
        self.acknowledged: dict[int, tuple[int, int]] = {}
        """Partition and offset of each request that the broker acknowledged."""
        self.refused: dict[int, str] = {}
        """What the producer gave up: such a request may be in the log or not."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> int:
        """Stop, and wait for what is on its way; return how many requests got no answer."""
        self._stopping.set()
        self._thread.join(FLUSH_TIMEOUT_S)
        return int(self._producer.flush(FLUSH_TIMEOUT_S))

    def _run(self) -> None:
        begun_s = time.monotonic()
        while not self._stopping.wait(TICK_S):
            due = int((time.monotonic() - begun_s) * self._rate_per_s)
            while len(self.sent) < due and not self._stopping.is_set():
                self._send()
            self._producer.poll(0)

    def _send(self) -> None:
        request = self.workload.make(len(self.sent))
        self.sent.append(request)

        def note(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self.acknowledged[request.n] = (message.partition() or 0, message.offset() or 0)
            else:
                self.refused[request.n] = str(error)

        self._producer.produce(self._topic, request.value, key=request.key, on_delivery=note)
