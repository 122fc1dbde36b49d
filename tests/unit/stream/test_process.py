"""A process from start to end, without a broker: ready when it is, gone when it is told, with why."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from runtime.clock import BrokerClock
from schemas.errors import DependencyError, FatalError
from stream import process as process_module
from stream.burial import Undertaker
from stream.commits import Committer
from stream.ledger import TopicPartition
from stream.process import EXIT_FATAL, GC_THRESHOLDS, Spec, StreamProcess
from stream.publisher import Publisher
from stream.seam import Seam
from stream.watchdog import Vitals
from tests.support.clock import FakeClock
from tests.support.fake_lane import QueueLane
from tests.support.fake_thread import FakeThread
from tests.support.seams import DEAD_LETTERS, REQUESTS
from tests.support.waiting import wait_until_async

TP = TopicPartition(REQUESTS, 0)
RESULTS = "judgify.results.v1"
COUNTS = {REQUESTS: 12, RESULTS: 12, DEAD_LETTERS: 6}


class Bench:
    """A process whose thread, producer, watchdog and topics are made here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeClock()
        self.thread = FakeThread()
        self.counts: dict[str, int] = dict(COUNTS)
        self.join_errors: list[Exception] = []
        self.closed: list[str] = []
        self.reasons: list[str] = []
        self.lanes: list[QueueLane] = []
        self.thresholds: list[tuple[int, ...]] = []
        self.spec = Spec(
            agent="echo",
            group="judgify.echo",
            bootstrap_servers="h:9092",
            engine="1.2.3",
            topics_needed=(DEAD_LETTERS,),
            topics_equal=(REQUESTS, RESULTS),
            requests_topic=REQUESTS,
            dead_letters_topic=DEAD_LETTERS,
            make_lanes=self.make_lanes,
            skips=dict,
            close=self.note("spec"),
            problems=lambda: self.reasons,
            details=lambda: {"more": 1},
        )
        fake_gc = SimpleNamespace(
            collect=list, freeze=list, set_threshold=lambda *it: self.thresholds.append(it)
        )
        monkeypatch.setattr(process_module, "gc", fake_gc)
        monkeypatch.setattr(process_module, "open_member", self.open_member)
        monkeypatch.setattr(process_module, "count_partitions", lambda _servers: self.counts)
        monkeypatch.setattr(process_module, "fetch_topic_ids", self.identify)
        monkeypatch.setattr(process_module, "LOOP_BEAT_S", 0.001)
        monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
        monkeypatch.setattr(Publisher, "open", self.note("publisher opened"))
        monkeypatch.setattr(Publisher, "close", self.note("publisher"))

    async def identify(self, _servers: str, topics: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(topics, "id")

    def note(self, what: str) -> Callable[..., Awaitable[None]]:
        async def step(*_: object) -> None:
            self.closed.append(what)

        return step

    def make_lanes(self, seam: Seam, undertaker: Undertaker) -> Sequence[QueueLane]:
        self.lanes = [QueueLane(seam.ledger)]
        return self.lanes

    async def open_member(self, group: str, bootstrap_servers: str) -> Any:
        assert (group, bootstrap_servers) == ("judgify.echo", "h:9092")
        if self.join_errors:
            raise self.join_errors.pop(0)
        return self.thread

    def make(self, **changes: Any) -> StreamProcess:
        return StreamProcess(replace(self.spec, **changes), self.clock, BrokerClock(self.clock))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def start(process: StreamProcess) -> "asyncio.Task[int]":
    """Run `process` until it has joined its group and got a partition."""
    running = asyncio.ensure_future(process.run())
    await wait_until_async(lambda: process._pipeline or running.done())
    if process._pipeline is not None:
        await process._pipeline.on_assigned([TP])
    return running


async def end(running: "asyncio.Task[int]") -> int:
    return await asyncio.wait_for(running, 5)


async def test_it_is_ready_from_the_first_assignment_to_the_request_to_stop(bench: Bench) -> None:
    process = bench.make()
    before = process.problems()
    running = asyncio.ensure_future(process.run())
    await wait_until_async(lambda: process._pipeline)
    joining = process.problems()
    assert process._pipeline is not None
    await process._pipeline.on_assigned([])
    joined = process.problems()
    process.stop()
    stopping = process.problems()

    assert await end(running) == 0
    assert before == ["connecting to Kafka"]
    assert joining == ["joining the group judgify.echo"]
    assert joined == []
    assert stopping == process.problems() == ["stopping"]


async def test_the_agents_own_problems_are_told_too(bench: Bench) -> None:
    bench.reasons = ["workflows: not read"]
    process = bench.make()

    assert process.problems() == ["workflows: not read", "connecting to Kafka"]


async def test_the_status_is_there_before_during_and_after(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    process = bench.make()
    before = process.status()
    running = await start(process)
    await wait_until_async(lambda: bench.lanes[0].handed)
    during = process.status()
    process.stop()
    await end(running)

    assert before == {
        "group": "judgify.echo",
        "partitions": [],
        "dead_letters": {},
        "more": 1,
    }
    [row] = during["partitions"]
    assert (row["partition"], row["in_flight"], row["log_end"]) == (0, 2, 2)
    assert process.status()["group"] == "judgify.echo"


async def test_stopping_finishes_commits_leaves_and_closes_in_this_order(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    process = bench.make(drain_timeout_s=1.25)
    running = await start(process)
    await wait_until_async(lambda: bench.lanes[0].handed)

    process.stop()

    assert await end(running) == 0
    assert bench.lanes[0].finish_timeouts_s == [1.25]
    assert bench.thread.committed == {TP: 2}
    assert (bench.thread.left, bench.thread.stopped) == (1, 1)
    assert bench.closed == ["publisher opened", "publisher", "spec"]


async def test_what_is_left_when_it_stops_is_not_acknowledged(bench: Bench) -> None:
    bench.thread.append(TP, b"a", b"b")
    process = bench.make()
    running = await start(process)
    await wait_until_async(lambda: bench.lanes[0].handed)
    bench.lanes[0].finishes = False

    process.stop()

    assert await end(running) == 0
    assert bench.thread.committed.get(TP, 0) == 0


async def test_asked_twice_to_stop_the_time_runs_from_the_first(bench: Bench) -> None:
    process = bench.make()
    process.stop()
    first_s = process._look().stopping_since_s
    bench.clock.advance(5)
    process.stop()

    assert first_s == process._look().stopping_since_s == bench.clock.monotonic_s() - 5
    assert await end(asyncio.ensure_future(process.run())) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it(bench: Bench, number: signal.Signals) -> None:
    running = await start(bench.make())

    os.kill(os.getpid(), number)

    assert await end(running) == 0
    assert bench.thread.left == 1


async def test_it_can_be_stopped_while_it_cannot_connect(bench: Bench) -> None:
    bench.join_errors = [DependencyError("kafka", "refused")] * 100_000
    process = bench.make()
    running = asyncio.ensure_future(process.run())
    await wait_until_async(lambda: process._seam.progress.held)
    told = process.problems()

    process.stop()

    assert await end(running) == 0
    assert told == ["connecting to Kafka: refused"]
    assert bench.closed[-1] == "spec"


async def test_what_else_keeps_it_from_starting_is_named(bench: Bench) -> None:
    bench.join_errors = [DependencyError("postgres", "refuses us (28P01)")] * 100_000
    process = bench.make()
    running = asyncio.ensure_future(process.run())
    await wait_until_async(lambda: process._seam.progress.held)
    told = process.problems()

    process.stop()

    assert await end(running) == 0
    assert told == ["connecting to postgres: refuses us (28P01)"]


async def test_a_step_that_succeeded_is_not_taken_again(bench: Bench) -> None:
    bench.join_errors = [DependencyError("kafka", "refused")] * 3
    opened: list[str] = []

    async def open_all() -> None:
        opened.append("agent")

    running = await start(process := bench.make(open=open_all))
    process.stop()
    await end(running)

    assert opened == ["agent"]
    assert bench.closed.count("publisher opened") == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({REQUESTS: 12, RESULTS: 12}, "judgify topics create"),
        (COUNTS | {RESULTS: 6}, "judgify topics check"),
    ],
)
async def test_topics_that_do_not_fit_refuse_the_start(
    bench: Bench, counts: dict[str, int], said: str
) -> None:
    bench.counts = counts

    with capture_logs() as logs:
        code = await end(asyncio.ensure_future(bench.make().run()))

    assert code == EXIT_FATAL == 2
    [line] = [it for it in logs if it["event"] == "process_refused"]
    assert said in line["reason"]
    assert bench.closed == ["publisher", "spec"]


async def test_a_fatal_error_of_a_lane_ends_it_without_acknowledging(bench: Bench) -> None:
    bench.thread.append(TP, b"a")
    running = await start(bench.make())
    await wait_until_async(lambda: bench.lanes[0].handed)

    bench.lanes[0].failure = FatalError("told to stop")

    assert await end(running) == EXIT_FATAL
    assert bench.thread.committed.get(TP, 0) == 0
    assert "working" not in bench.thread.metadata[TP]  # no record is suspected of it
    assert bench.thread.left == 1


async def test_a_bug_ends_it_loudly_and_it_leaves_the_group(bench: Bench) -> None:
    running = await start(bench.make())
    await wait_until_async(lambda: bench.thread.metadata)

    bench.lanes[0].failure = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        await end(running)
    assert "working" in bench.thread.metadata[TP]  # it may have been a record's doing
    assert bench.thread.left == 1


async def test_commits_that_end_end_the_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = asyncio.Event()

    async def run_into_a_bug(_committer: Committer) -> None:
        await ends.wait()
        raise ZeroDivisionError

    monkeypatch.setattr(Committer, "run", run_into_a_bug)
    running = await start(bench.make())

    ends.set()

    with pytest.raises(ZeroDivisionError):
        await end(running)
    assert bench.thread.left == 1


@pytest.mark.parametrize("error", [DependencyError("kafka", "away"), TimeoutError(), OSError()])
async def test_what_does_not_close_keeps_nothing_else_open(bench: Bench, error: Exception) -> None:
    running = await start(process := bench.make())
    bench.thread.errors["leave"] = [error]

    process.stop()

    assert await end(running) == 0
    assert bench.closed[-2:] == ["publisher", "spec"]


async def test_what_takes_too_long_to_close_is_left_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "LEAVE_TIMEOUT_S", 0.01)
    monkeypatch.setattr(bench.thread, "leave", asyncio.Event().wait)
    running = await start(process := bench.make())

    process.stop()

    assert await end(running) == 0
    assert bench.closed[-2:] == ["publisher", "spec"]


async def test_the_watchdog_sees_the_loop_the_work_and_what_is_held(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Callable[[], Vitals], Any]] = []
    dogs: list[str] = []
    watchdog = SimpleNamespace(start=lambda: dogs.append("on"), stop=lambda: dogs.append("off"))

    def make_watchdog(look: Callable[[], Vitals], clock: object, limits: object) -> object:
        seen.append((look, limits))
        return watchdog

    monkeypatch.setattr(process_module, "Watchdog", make_watchdog)
    bench.thread.append(TP, b"a")
    running = await start(process := bench.make())
    await wait_until_async(lambda: bench.lanes[0].handed)
    [(look, limits)] = seen
    bench.clock.advance(3)
    await wait_until_async(lambda: look().loop_turned_at_s == bench.clock.monotonic_s())
    busy = look()
    bench.lanes[0].finish_all()
    idle = look()
    process.stop()
    await end(running)

    assert limits is bench.spec.limits
    assert (busy.has_work, busy.is_held, busy.stopping_since_s) == (True, False, None)
    assert busy.completed_at_s == bench.clock.monotonic_s() - 3
    assert idle.has_work is False
    assert dogs == ["on", "off"]


async def test_the_collector_rests_once_it_runs_and_the_agents_gauges_are_set(
    bench: Bench,
) -> None:
    exported: list[int] = []
    running = await start(process := bench.make(export=lambda: exported.append(1)))
    await wait_until_async(lambda: exported)
    process.stop()
    await end(running)

    assert bench.thresholds == [GC_THRESHOLDS]
