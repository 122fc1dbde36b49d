"""The publisher: outputs go out as whole batches, and are published when the broker has them all.

After one refused batch an idempotent aiokafka producer refuses all later ones, and on a lost
connection it may retry for ever in silence. So any failure, whatever its type, and any silence of
`ACK_TIMEOUT_S` replaces the producer, and everybody who waits on the old one learns of it at once.
The old one sends nothing more: what waits in it would arrive among what is published again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import aiokafka

from runtime import failpoints
from runtime.logs import get_logger
from runtime.metrics import DEPENDENCY_UP
from schemas.errors import DependencyError
from stream.batch import Output
from stream.packing import pack
from stream.receipt import Receipt
from stream.tasks import Tasks

ACK_TIMEOUT_S: Final = 30.0
"""Silence of the broker after which a publish counts as failed."""
BATCH_BYTES: Final = 1_000_000
"""Size at which a produced batch is closed; a single larger record still travels alone."""
RECORD_BYTES_MAX: Final = 2_097_152
"""Largest record we publish, key and value together, bytes."""
CLOSE_TIMEOUT_S: Final = 2.0
START_TIMEOUT_S: Final = 10.0

log = get_logger(__name__)


class _Connection:
    """One producer and the publishes that wait for its acknowledgements."""

    def __init__(self, producer: aiokafka.AIOKafkaProducer) -> None:
        self.producer = producer
        self.partitions: dict[str, int] = {}
        self.waiting: set[Receipt] = set()
        self.discarded = False
        self._sending: set[asyncio.Timeout] = set()

    @contextmanager
    def sending(self, patience: asyncio.Timeout) -> Iterator[None]:
        """Let `patience` end with the connection: nothing will make room in it any more."""
        self._sending.add(patience)
        try:
            yield
        finally:
            self._sending.discard(patience)

    def fail(self, reason: str) -> None:
        """Tell everybody who waits; nothing of what waits is sent any more."""
        self.discarded = True
        _silence(self.producer)
        for receipt in self.waiting:
            receipt.fail(DependencyError("kafka", reason))
        self.waiting.clear()
        for patience in self._sending:
            if not patience.expired():
                patience.reschedule(asyncio.get_running_loop().time())


class Publisher:
    """Publishes the outputs of a partition, in order, to the same partition number."""

    def __init__(
        self,
        bootstrap_servers: str,
        observe_ms: Callable[[int], None],
        client_id: str,
        ack_timeout_s: float = ACK_TIMEOUT_S,
    ) -> None:
        """Learn the broker's time from each acknowledgement through `observe_ms`."""
        self._ack_timeout_s = ack_timeout_s
        self._bootstrap_servers = bootstrap_servers
        self._observe_ms = observe_ms
        self._client_id = client_id
        self._connection: _Connection | None = None
        self._opening = asyncio.Lock()
        self._closing = Tasks()
        self._up = DEPENDENCY_UP.labels("kafka")

    async def open(self) -> None:
        """Connect; publishing does so by itself, this is for knowing at start.

        Raises:
            DependencyError: the broker does not answer.
        """
        await self._connect()

    async def publish(self, partition: int, outputs: Sequence[Output]) -> None:
        """Return when the broker has acknowledged every output.

        A topic with fewer partitions takes `partition` modulo their number.

        Raises:
            DependencyError: assume nothing was published; publishing again may leave duplicates.
        """
        if not outputs:
            return
        await self._connect()
        await (await self.send(partition, outputs))
        failpoints.reach("after_publish")

    async def send(self, partition: int, outputs: Sequence[Output]) -> "asyncio.Future[None]":
        """Put the outputs on their way, behind those sent before; return what tells their arrival.

        It is done when the broker has acknowledged every output, and raises as `publish` does.
        What was sent over one connection arrives in order, or from the first failure on not at
        all: then every publish on it fails, and what is sent next needs `publish` to connect.

        Raises:
            DependencyError: there is no connection, or it failed; assume nothing was published.
        """
        connection = self._connection
        if connection is None:
            raise DependencyError("kafka", "not connected")
        batches = pack(connection.producer.create_batch, outputs)
        failpoints.reach("before_publish")
        receipt = self._make_receipt(connection)
        try:
            async with asyncio.timeout(self._ack_timeout_s) as patience:
                with connection.sending(patience):
                    await self._send_batches(connection, partition, batches, receipt)
        except asyncio.CancelledError:
            receipt.acknowledged.cancel()  # nobody waits for it any more
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the producer is of no use any more
            self._discard(connection, error)
        return receipt.acknowledged

    async def close(self) -> None:
        """Close the connection; what is not acknowledged is not published."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.fail("we are stopping")
            await _stop(connection.producer)
        await self._closing.finish(CLOSE_TIMEOUT_S)

    # ---------------------------------------------------------------------

    async def _connect(self) -> _Connection:
        if self._connection is not None:
            return self._connection
        async with self._opening:
            if self._connection is None:
                producer = self._make_producer()
                try:
                    async with asyncio.timeout(START_TIMEOUT_S):
                        await producer.start()
                except asyncio.CancelledError:
                    self._closing.spawn(_stop(producer))
                    raise
                except Exception as error:
                    self._up.set(0)
                    self._closing.spawn(_stop(producer))
                    raise DependencyError("kafka", f"{type(error).__name__}: {error}") from error
                self._connection = _Connection(producer)
                self._up.set(1)
            return self._connection

    def _make_producer(self) -> aiokafka.AIOKafkaProducer:
        return aiokafka.AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=RECORD_BYTES_MAX + 65_536,
            request_timeout_ms=int(self._ack_timeout_s * 1_000),
        )

    def _make_receipt(self, connection: _Connection) -> Receipt:
        receipt = Receipt(self._observe_ms, partial(self._discard, connection))
        loop, silence = asyncio.get_running_loop(), TimeoutError()
        patience = loop.call_later(self._ack_timeout_s, self._discard, connection, silence)

        def settle(_: object) -> None:
            patience.cancel()
            connection.waiting.discard(receipt)

        connection.waiting.add(receipt)
        receipt.acknowledged.add_done_callback(settle)
        return receipt

    async def _send_batches(
        self,
        connection: _Connection,
        partition: int,
        batches: Sequence[tuple[str, Any]],
        receipt: Receipt,
    ) -> None:
        for topic, builder in batches:
            count = await self._partitions(connection, topic)
            if connection.discarded:
                raise ConnectionError("the connection failed before all was sent")
            sent = await connection.producer.send_batch(builder, topic, partition=partition % count)
            receipt.expect(sent)
            failpoints.reach("mid_batch")
        receipt.complete()

    @staticmethod
    async def _partitions(connection: _Connection, topic: str) -> int:
        count = connection.partitions.get(topic)
        if count is None:
            count = len(await connection.producer.partitions_for(topic))
            connection.partitions[topic] = count
        return count

    def _discard(self, connection: _Connection, error: BaseException) -> None:
        """Replace the producer, and tell everybody who waits on it."""
        if connection.discarded:
            return
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if self._connection is connection:
            self._connection = None
            self._up.set(0)
            log.warning("producer_replaced", reason=reason)
        connection.fail(reason)
        self._closing.spawn(_stop(connection.producer))


def _silence(producer: aiokafka.AIOKafkaProducer) -> "asyncio.Task[None] | None":
    """Let a producer send nothing but what is on its way; return the task that ends with that.

    What waits behind it would land among what its successor publishes again, and the order per
    partition would be lost. What is on its way is the first of it, so that it is harmless.
    """
    sender: asyncio.Task[None] | None = producer._sender.sender_task  # noqa: SLF001 -- stop() would flush first
    if sender is not None and not sender.cancelling():  # a second time would end that, too
        sender.cancel()
    return sender


async def _stop(producer: aiokafka.AIOKafkaProducer) -> None:
    """Close a producer of which nothing is wanted any more: its own `stop()` would flush it."""
    producer._closed = True  # noqa: SLF001 -- or it complains that nobody called stop()
    sender = _silence(producer)
    if sender is not None:
        await asyncio.wait({sender}, timeout=CLOSE_TIMEOUT_S)
        sender.cancel()  # not even what is on its way is waited for
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await producer.client.close()
    except Exception as error:  # noqa: BLE001 -- it is thrown away in any case
        log.debug("producer_close_failed", reason=str(error))
