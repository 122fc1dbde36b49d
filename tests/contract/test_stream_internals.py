"""What stream/ leans on inside aiokafka, Faust and mode stands where it leaned when it was written.

A failure here means: the pinned version moved. Read the new source beside stream/, then the pin.
"""

import asyncio
import inspect
import tomllib
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Subscription, SubscriptionState
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from mode.threads import ServiceThread, WorkerThread

from stream.app import make_app
from stream.fetch_thread import FETCH_BYTES_MAX, FETCH_WAIT_MS, FetchThread
from stream.internals import KeptRecords, LightPartitionRecords, install
from stream.member import _DaemonWorker, _ThreadOwner

ROOT = Path(__file__).parents[2]
PINNED = ("aiokafka", "faust-streaming", "mode-streaming")
TP = aiokafka.TopicPartition("t", 0)


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("name", PINNED)
def test_the_version_that_runs_is_the_one_that_is_pinned(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    pins = [line for line in project["dependencies"] if line.startswith(name)]

    assert pins == [f"{name}=={version(name)}"]


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (fetcher, ["MemoryRecords", "PartitionRecords", "FetchResult", "FetchError"]),
        (fetcher.PartitionRecords, ["_consumer_record", "_unpack_records", "__next__"]),
        (fetcher.FetchResult, ["check_assignment", "has_more"]),
        (fetcher.FetchError, ["check_raise"]),
        (
            _DefaultRecordBatchPy,
            [
                *("_maybe_uncompress", "_read_msg", "LOG_APPEND_TIME", "timestamp_type"),
                *("max_timestamp", "first_timestamp", "base_offset", "next_offset"),
            ],
        ),
        (_MemoryRecordsPy, ["has_next", "next_batch", "_cache_next"]),
        (BatchBuilder, ["append", "close"]),
        (SubscriptionState, ["fetch_context", "subscription"]),
        (GroupCoordinator, ["check_errors", "fetch_committed_offsets"]),
        (Subscription, ["assignment"]),
        (
            aiokafka.AIOKafkaConsumer,
            [
                *("commit", "seek", "assignment", "subscribe"),
                *("beginning_offsets", "end_offsets", "stop"),
            ],
        ),
        (aiokafka.AIOKafkaProducer, ["create_batch", "send_batch", "partitions_for"]),
        (Sender, ["sender_task"]),
        (AIOKafkaConsumerThread, ["_create_worker_consumer", "_ensure_consumer", "on_start"]),
        (ServiceThread, ["Worker", "start", "stop", "_thread"]),
        (ConsumerRebalanceListener, ["on_partitions_revoked", "on_partitions_assigned"]),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_the_names_we_use_exist(owner: Any, names: list[str]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (
            fetcher.PartitionRecords.__init__,
            [
                *("tp", "records", "aborted_transactions", "fetch_offset"),
                *("key_deserializer", "value_deserializer", "check_crcs", "isolation_level"),
            ],
        ),
        (fetcher.PartitionRecords._consumer_record, ["tp", "record"]),
        (fetcher.FetchResult.check_assignment, ["tp"]),
        (fetcher.Fetcher._notify, ["future"]),
        (GroupCoordinator.fetch_committed_offsets, ["partitions"]),
        (fetcher.Fetcher._create_fetch_waiter, []),
        (AIOKafkaConsumerThread._create_worker_consumer, ["transport"]),
        (BatchBuilder.append, ["timestamp", "key", "value", "headers"]),
        (fetcher.PartitionRecords.__iter__, []),
        (aiokafka.AIOKafkaProducer.send_batch, ["batch", "topic", "partition"]),
        (WorkerThread.__init__, ["service", "kwargs"]),
        (_DefaultRecordBatchPy._read_msg, ["decode_varint"]),
        (decode_varint_py, ["buffer", "pos"]),
    ],
    ids=lambda it: getattr(it, "__qualname__", ""),
)
def test_the_calls_we_make_or_replace_take_what_they_took(
    function: Callable[..., Any], wanted: list[str]
) -> None:
    assert parameters(function) == wanted


def test_a_damaged_batch_is_an_error_of_the_broker_to_us() -> None:
    assert issubclass(CorruptRecordException, KafkaError)


@pytest.mark.parametrize("name", ["_num_records", "_pos", "_buffer"])
def test_a_batch_in_python_keeps_its_state_under_the_names_we_use(name: str) -> None:
    assert name in inspect.getsource(_DefaultRecordBatchPy)


@pytest.mark.parametrize("name", ["_sender", "client", "_closed"])
def test_a_producer_keeps_what_ends_it_under_the_names_we_use(name: str) -> None:
    assert f"self.{name} = " in inspect.getsource(aiokafka.AIOKafkaProducer)


def test_a_sender_that_is_cancelled_sends_nothing_but_what_is_on_its_way() -> None:
    """It waits for the requests that were sent, and drains nothing more."""
    source = inspect.getsource(Sender._sender_routine)

    assert source.index("drain_by_nodes(") < source.index("except asyncio.CancelledError:")
    assert "drain_by_nodes(" not in source.partition("except asyncio.CancelledError:")[2]


def test_the_reader_in_python_keeps_the_next_batch_under_the_name_we_use() -> None:
    assert _MemoryRecordsPy(b"")._next_slice is None


def test_the_compiled_reader_can_be_derived_from_and_its_bytes_kept() -> None:
    kept = KeptRecords(b"abc")

    assert isinstance(kept, MemoryRecords)
    assert kept.data == b"abc"


def test_a_reader_of_ours_has_what_aiokafka_and_the_seam_look_at() -> None:
    reader = LightPartitionRecords(TP, KeptRecords(b""), [(1, 2)], 7, None, None, True, 1)

    assert reader.next_fetch_offset == 7
    assert reader._aborted_transactions == [(1, 2)]
    assert list(reader) == []


def test_the_fetcher_makes_its_readers_from_names_that_we_can_replace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    source = inspect.getsource(fetcher.Fetcher)

    install()

    assert fetcher.MemoryRecords is KeptRecords
    assert fetcher.PartitionRecords is LightPartitionRecords
    assert source.count("MemoryRecords(") == 1
    assert source.count("PartitionRecords(") == 1


class IdleFetcher(fetcher.Fetcher):  # type: ignore[misc]  # -- untyped
    """aiokafka's fetcher, which asks no broker."""

    async def _fetch_requests_routine(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def idle_fetcher() -> AsyncIterator[Any]:
    client = SimpleNamespace(_loop=asyncio.get_running_loop(), _metadata_max_age_ms=1_000)
    subscriptions = SubscriptionState()
    subscriptions.subscribe({"t"})
    subscriptions.assign_from_subscribed({TP})
    idle = IdleFetcher(client, subscriptions)
    yield idle
    idle._fetch_task.cancel()
    await asyncio.gather(idle._fetch_task, return_exceptions=True)


async def test_a_fetcher_keeps_what_has_arrived_where_we_drain_it(idle_fetcher: Any) -> None:
    waiter = idle_fetcher._create_fetch_waiter()
    idle_fetcher._notify(waiter)
    idle_fetcher._notify(idle_fetcher._wait_consume_future)

    assert await waiter is None
    assert dict(idle_fetcher._records) == {}
    with idle_fetcher._subscriptions.fetch_context():
        assert idle_fetcher._subscriptions.fetcher_idle_time == 0


async def test_what_has_arrived_follows_the_position_as_we_set_it(idle_fetcher: Any) -> None:
    assignment = idle_fetcher._subscriptions.subscription.assignment
    state = assignment.state_value(TP)
    state.seek(7)
    reader = LightPartitionRecords(TP, KeptRecords(b""), None, 7, None, None, True, 1)

    arrived = fetcher.FetchResult(TP, assignment=assignment, partition_records=reader, backoff=0)

    assert arrived.check_assignment(TP)
    assert arrived._partition_records is reader
    assert arrived._assignment is assignment
    state.consumed_to(9)
    assert state.position == 9
    assert state.highwater is None
    assert not arrived.check_assignment(TP)


def test_an_error_that_has_arrived_is_told_by_what_it_lacks() -> None:
    error = fetcher.FetchError(error=KafkaError("x"), backoff=0)

    assert not hasattr(error, "has_more")
    with pytest.raises(KafkaError):
        error.check_raise()


async def test_the_consumer_that_faust_makes_reads_what_is_committed_and_waits_as_we_say() -> None:
    owner = _ThreadOwner(make_app("contract", "127.0.0.1:1"))
    thread = FetchThread(owner, Worker=_DaemonWorker)  # type: ignore[arg-type]  # -- what it asks of it
    try:
        consumer = thread._create_worker_consumer(owner.transport)
        await consumer.stop()
    finally:
        thread.thread_loop.close()

    assert isinstance(owner.transport, Transport)
    assert consumer._isolation_level == "read_committed"
    assert consumer._fetch_max_wait_ms == FETCH_WAIT_MS
    assert consumer._fetch_max_bytes == FETCH_BYTES_MAX
    assert consumer._fetcher is None
    assert consumer._enable_auto_commit is False
    assert consumer._subscription.subscription is None


def test_the_owner_of_the_thread_answers_all_that_the_thread_asks() -> None:
    source = inspect.getsource(AIOKafkaConsumerThread)

    assert "self.consumer.in_transaction" in source
    assert "consumer.RebalanceListener(self)" in source
    assert {"in_transaction", "RebalanceListener", "flow_active"} <= set(vars(_ThreadOwner))
    assert "self._thread = self.Worker(self)" in inspect.getsource(ServiceThread.start)
