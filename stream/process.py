"""A stream process from start to end: connect, join the group, run, drain, leave, exit.

`run` returns the exit code. SIGTERM and SIGINT: not ready → stop fetching → finish within 8 s →
commit → leave the group → 0, ten seconds in all; what is left is not acknowledged.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.clock import BrokerClock, Clock
from runtime.logs import get_logger
from schemas.errors import FatalError
from stream.burial import Undertaker
from stream.fetch_thread import FetchThread
from stream.hold import Progress
from stream.ledger import Ledger
from stream.member import open_member
from stream.pipeline import Bounds, Pipeline
from stream.publisher import ACK_TIMEOUT_S, Publisher
from stream.seam import Seam, Skips
from stream.shapes.lane import Lane
from stream.starts import check_topics
from stream.status import describe, update_metrics
from stream.tasks import Tasks
from stream.watchdog import Limits, Vitals, Watchdog
from topics.clients import count_partitions
from topics.identity import fetch_topic_ids

LEAVE_TIMEOUT_S: Final = 1.0
COMMIT_TIMEOUT_S: Final = 1.5
LAST_STEPS_S: Final = 3.0
"""Kept of the time to stop for leaving the group and closing connections."""
LOOP_BEAT_S: Final = 0.2
METRICS_INTERVAL_S: Final = 1.0
GC_THRESHOLDS: Final = (50_000, 20, 50)
"""15 to 30 % fewer CPU seconds here than the defaults: records make garbage without cycles."""
EXIT_FATAL: Final = 2

log = get_logger(__name__)


async def _nothing() -> None:
    """Do nothing: the default of hooks."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a process is: its name, where it reads and writes, and what it needs."""

    agent: str
    """Name of the process: `rule-agent`."""
    group: str
    """Consumer group."""
    bootstrap_servers: str
    engine: str
    """Our version."""
    topics_needed: Sequence[str]
    """Full names; a missing one stops the process at start."""
    topics_equal: Sequence[str]
    """Full names of topics that must have equally many partitions."""
    requests_topic: str
    dead_letters_topic: str
    make_lanes: Callable[[Seam, Undertaker], Sequence[Lane]]
    skips: Skips
    open: Callable[[], Awaitable[None]] = _nothing
    """Opens what the lanes need; DependencyError is tried again."""
    close: Callable[[], Awaitable[None]] = _nothing
    problems: Callable[[], list[str]] = list
    """Why the process is not ready, besides the seam's own reasons."""
    details: Callable[[], Mapping[str, Any]] = dict
    """What `/status` tells besides."""
    export: Callable[[], object] = list
    """Sets gauges of the agent's own; called once a second."""
    bounds: Bounds = field(default_factory=Bounds)
    limits: Limits = field(default_factory=Limits)
    ack_timeout_s: float = ACK_TIMEOUT_S
    """Silence of the broker after which a publish has failed."""
    drain_timeout_s: float = 8.0
    """Of the time to stop, how much work in flight may take."""


class StreamProcess:
    """Runs one `Spec`."""

    def __init__(self, spec: Spec, clock: Clock, broker_clock: BrokerClock) -> None:
        self._spec = spec
        self._clock = clock
        self._stop = asyncio.Event()
        self._stopping_since_s: float | None = None
        self._loop_turned_at_s = clock.monotonic_s()
        self._tasks = Tasks()
        self._publisher = Publisher(
            spec.bootstrap_servers,
            broker_clock.observe_acknowledged,
            spec.agent,
            spec.ack_timeout_s,
        )
        self._seam = Seam(
            agent=spec.agent,
            ledger=Ledger(),
            publisher=self._publisher,
            progress=Progress(clock),
            dead_letters=spec.dead_letters_topic,
            skips=spec.skips,
            engine=spec.engine,
            clock=broker_clock,
        )
        self._undertaker = Undertaker(self._seam, spec.requests_topic)
        self._lanes = spec.make_lanes(self._seam, self._undertaker)
        self._topics = [lane.topic for lane in self._lanes]
        self._thread: FetchThread | None = None
        self._pipeline: Pipeline | None = None

    # -- looking ----------------------------------------------------------

    def problems(self) -> list[str]:
        """Return why the process is not ready, in words; empty when it is."""
        if self._stopping_since_s is not None:
            return ["stopping"]
        reasons = list(self._spec.problems())
        if self._pipeline is None:
            held = self._seam.progress.held.get("start")
            away = "Kafka" if held is None or held.dependency == "kafka" else held.dependency
            reasons.append(f"connecting to {away}{f': {held.reason}' if held else ''}")
        elif not self._pipeline.joined:
            reasons.append(f"joining the group {self._spec.group}")
        return reasons

    def status(self) -> dict[str, Any]:
        """Return what `judgify status` shows of the stream."""
        return {
            "group": self._spec.group,
            "partitions": describe(self._seam, self._thread, self._clock.monotonic_s()),
            "dead_letters": dict(self._undertaker.counts),
            **self._spec.details(),
        }

    def _look(self) -> Vitals:
        progress = self._seam.progress
        return Vitals(
            loop_turned_at_s=self._loop_turned_at_s,
            completed_at_s=progress.completed_at_s,
            has_work=self._seam.ledger.count_unfinished() > 0,
            is_held=bool(progress.held),
            stopping_since_s=self._stopping_since_s,
            oldest_begun_at_s=progress.oldest_begun_at_s(),
        )

    # -- running ----------------------------------------------------------

    def stop(self) -> None:
        """Ask the process to end; asked again, it changes nothing."""
        if self._stopping_since_s is None:
            self._stopping_since_s = self._clock.monotonic_s()
            log.info("stop_requested")
        self._stop.set()

    async def run(self) -> int:
        """Run until asked to stop; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self._beat()
        watchdog = Watchdog(self._look, self._clock, self._spec.limits)
        watchdog.start()
        try:
            return await self._run()
        except FatalError as error:
            log.error("process_refused", reason=str(error))  # noqa: TRY400 -- one clear line, no trace
            await self._sign_off()  # we know why we end: no record is to be suspected
            return EXIT_FATAL
        finally:
            self.stop()  # not ready from here on, and the watchdog bounds what is left
            await self._close()
            watchdog.stop()

    def _beat(self) -> None:
        self._loop_turned_at_s = self._clock.monotonic_s()
        asyncio.get_running_loop().call_later(LOOP_BEAT_S, self._beat)

    async def _run(self) -> int:
        start = self._tasks.start(self._open())
        if not await self._until_stop(start):
            return 0
        pipeline = self._pipeline
        if pipeline is None:
            raise FatalError("the pipeline did not open")
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        running = self._tasks.start(pipeline.run())
        committing = self._tasks.start(pipeline.commits.run())  # goes on while we drain
        self._tasks.spawn(self._run_metrics())
        await self._until_stop(running, committing)
        await self._drain(pipeline)
        return 0

    async def _until_stop(self, *work: "asyncio.Task[None]") -> bool:
        """Wait for `work` or a request to stop; raise what ended any of it. True: it ended well."""
        stop = self._tasks.start(self._stop.wait())
        await asyncio.wait({*work, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        ended = [task for task in work if task.done()]
        for task in ended:
            task.result()
        return bool(ended)

    async def _open(self) -> None:
        """Take each step until it succeeds; none is taken twice."""
        for step in (self._check_topics, self._publisher.open, self._spec.open, self._join):
            await self._seam.progress.hold("start", step)

    async def _check_topics(self) -> None:
        equal = self._spec.topics_equal
        found = await asyncio.to_thread(count_partitions, self._spec.bootstrap_servers)
        topics = {*self._spec.topics_needed, *equal}
        check_topics({topic: found.get(topic) for topic in topics}, equal)

    async def _identify_topics(self) -> Mapping[str, str]:
        """Return the ids of what we read, once all topics are seen to fit each other."""
        await self._check_topics()
        return await fetch_topic_ids(self._spec.bootstrap_servers, self._topics)

    async def _join(self) -> None:
        thread = await open_member(self._spec.group, self._spec.bootstrap_servers)
        self._thread = thread  # from here on it is left in any case
        pipeline = Pipeline(
            thread, self._lanes, self._seam, self._spec.bounds, self._identify_topics
        )
        thread.listener = pipeline
        await thread.call(thread.join([lane.topic for lane in self._lanes]))
        self._pipeline = pipeline
        log.info("process_started", group=self._spec.group)

    async def _run_metrics(self) -> None:
        while True:
            try:
                update_metrics(self._seam, self._thread, self._spec, self._topics)
                self._spec.export()
            except Exception:  # lag is the alarm: one bad turn must not freeze it
                log.exception("metrics_failed")
            await asyncio.sleep(METRICS_INTERVAL_S)

    # -- stopping ---------------------------------------------------------

    async def _drain(self, pipeline: Pipeline) -> None:
        pipeline.stopping = True
        await pipeline.finish(self._left_s(self._spec.drain_timeout_s))
        await self._sign_off()
        unfinished = self._seam.ledger.count_unfinished()
        log.info("stream_drained", unfinished=unfinished)

    async def _sign_off(self) -> None:
        """Commit for the last time, if there is anything to commit."""
        if self._pipeline is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._left_s(COMMIT_TIMEOUT_S)):
                    await self._pipeline.commits.sign_off()

    def _left_s(self, most_s: float) -> float:
        """Return how much of the time to stop a step may take, at most `most_s`."""
        since_s = self._stopping_since_s
        spent_s = 0.0 if since_s is None else self._clock.monotonic_s() - since_s
        left_s = self._spec.limits.shutdown_s - LAST_STEPS_S - spent_s
        return max(0.0, min(most_s, left_s))

    async def _close(self) -> None:
        await self._tasks.cancel()
        for lane in self._lanes:
            await lane.drop()
        for step in (self._leave, self._publisher.close, self._spec.close):
            try:
                async with asyncio.timeout(LEAVE_TIMEOUT_S):
                    await step()
            except Exception as error:  # noqa: BLE001 -- the next step must be taken all the same
                log.warning("close_incomplete", error=f"{type(error).__name__}: {error}")

    async def _leave(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await thread.call(thread.leave())
            await thread.stop()
