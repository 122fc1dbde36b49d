"""The part `memory`: rule-agent and postgres-sink at full speed while PostgreSQL lets nobody write.

The sink is stalled by a lock on the table of judgments, as a migration or a repair would hold it.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.contenders import RULE_AGENT
from bench.figures import slope_per_hour
from bench.observing import Observer
from bench.running import BenchError, Ground, Running, listening_for_noise, start, start_contender
from bench.track import make_load
from sinks.postgres.migrate import upgrade
from topics.clients import open_producer

BACKLOG: Final = 200_000
"""Requests kept waiting, so that the agent never idles."""
FEED_RECORDS_MAX: Final = 50_000
"""Most requests sent between two looks."""
LOOK_INTERVAL_S: Final = 0.25
SAMPLE_INTERVAL_S: Final = 1.0
BEGIN_TIMEOUT_S: Final = 60.0
POINTS_MAX: Final = 200
WARM_UP_SHARE: Final = 0.2
"""Of the time, before the slope is taken: buffers fill once."""
LOCK: Final = "begin; lock table judgment_executions in access exclusive mode"


@dataclass(slots=True)
class Watch:
    """What was seen each second."""

    seconds: list[float] = field(default_factory=list)
    rss_mib: dict[str, list[float]] = field(default_factory=dict)

    def look(self, at_s: float, running: Sequence[Running]) -> None:
        self.seconds.append(round(at_s, 1))
        for it in running:
            it.require_alive()
            self.rss_mib.setdefault(it.name, []).append(round(it.rss_mib(), 1))

    def summarize(self) -> dict[str, Any]:
        """Return peak and slope after the warm-up of each process."""
        warm = int(len(self.seconds) * WARM_UP_SHARE)
        return {
            name: {
                "rss_mib_max": max(values),
                "rss_mib_first": values[0],
                "rss_mib_last": values[-1],
                "slope_mib_per_hour": slope_per_hour(self.seconds[warm:], values[warm:]),
            }
            for name, values in self.rss_mib.items()
        }


class Feeder:
    """Keeps `BACKLOG` requests waiting."""

    def __init__(self, ground: Ground) -> None:
        self._topic = ground.track.requests
        self._producer = open_producer(
            ground.track.bootstrap,
            **{
                "compression.type": "none",
                "linger.ms": 20,
                "queue.buffering.max.messages": BACKLOG + FEED_RECORDS_MAX,
                "delivery.report.only.error": True,
            },
        )
        self._forms = [_split(key, value) for key, value in make_load(10_000).requests]
        self.sent = 0

    def feed(self, done: int) -> None:
        """Send what is missing from the backlog when `done` requests have a result."""
        produce, topic, forms = self._producer.produce, self._topic, self._forms
        for number in range(self.sent, min(done + BACKLOG, self.sent + FEED_RECORDS_MAX)):
            key, head, tail = forms[number % len(forms)]
            produce(topic, b"%bm-%d%b" % (head, number, tail), key)
            self.sent = number + 1
        self._producer.poll(0)


def _split(key: bytes, value: bytes) -> tuple[bytes, bytes, bytes]:
    """Return key and the parts before and after the request's id."""
    head, mark, rest = value.partition(b'"request_id":"')
    return key, head + mark, rest[rest.index(b'"') :]


def measure_memory(ground: Ground, database_url: str, minutes: float) -> dict[str, Any]:
    """Return memory over time of both processes, its peak and its slope after the warm-up.

    Raises:
        BenchError: a process ended, the sink was not stalled, or it did not go on afterwards.
    """
    track = ground.track
    observer = Observer(track.bootstrap, track.results, track.partitions)
    with _database(database_url) as url, asyncio.Runner() as runner:
        agent = start_contender(ground, RULE_AGENT, RULE_AGENT.name, ground.cores.contender)
        command = [sys.executable, "-m", "judgify", "run", "postgres-sink", "--port", "0"]
        settings = {"DATABASE_URL": url}
        sink = start(ground, "postgres-sink", command, ground.cores.broker, settings)
        try:
            feeder = Feeder(ground)
            stall = _Stall(observer, f"{track.prefix}postgres-sink", track.results)
            _feed_until(feeder, observer, stall.has_moved, "the sink stored nothing")
            connection = runner.run(asyncpg.connect(url))
            runner.run(connection.execute(LOCK))
            stall.begin()
            with listening_for_noise(ground, [agent.process, sink.process]):
                watch, results = _watch(ground, feeder, observer, [agent, sink], minutes * 60)
            stalled = stall.committed_since()
            runner.run(connection.close())
            resumed_s = _feed_until(feeder, observer, stall.has_moved, "the sink did not go on")
        finally:
            agent.stop()
            sink.stop()
    if stalled:
        raise BenchError(f"the sink committed {stalled} records while it was to be stalled")
    return {
        "what": "resident memory at full speed, the sink stalled by a lock on its table",
        "settings": {"minutes": minutes, "warm_up_share": WARM_UP_SHARE, "backlog": BACKLOG},
        "results_per_second": round(results / (minutes * 60)),
        "sink_resumed_s": round(resumed_s, 1),
        "processes": watch.summarize(),
        "seconds": _thin(watch.seconds),
        "rss_mib": {name: _thin(values) for name, values in watch.rss_mib.items()},
    }


def _thin(values: Sequence[float]) -> list[float]:
    """Return at most `POINTS_MAX` of the values, evenly: enough for a chart."""
    return list(values[:: len(values) // POINTS_MAX + 1])


def _watch(
    ground: Ground, feeder: Feeder, observer: Observer, running: Sequence[Running], seconds: float
) -> tuple[Watch, int]:
    watch, started_s = Watch(), time.monotonic()
    first = done = sum(observer.ends())
    while (elapsed_s := time.monotonic() - started_s) < seconds:
        if elapsed_s >= len(watch.seconds) * SAMPLE_INTERVAL_S:
            watch.look(elapsed_s, running)
            told = ", ".join(f"{it.name} {watch.rss_mib[it.name][-1]:.0f} MiB" for it in running)
            ground.show(
                f"{elapsed_s:>5.0f} of {seconds:.0f} s  {told}  {done - first:>12,} results"
            )
        feeder.feed(done)
        time.sleep(LOOK_INTERVAL_S)
        done = sum(observer.ends())
    return watch, done - first


@dataclass(slots=True)
class _Stall:
    """Whether the sink commits."""

    observer: Observer
    group: str
    topic: str
    before: int = 0

    def begin(self) -> None:
        time.sleep(2 * SAMPLE_INTERVAL_S)  # what it had stored before the lock gets committed
        self.before = self._committed()

    def committed_since(self) -> int:
        return self._committed() - self.before

    def has_moved(self) -> bool:
        return self.committed_since() > 0

    def _committed(self) -> int:
        return sum(self.observer.committed(self.group, self.topic))


def _feed_until(
    feeder: Feeder, observer: Observer, reached: Callable[[], bool], otherwise: str
) -> float:
    """Return after how many seconds `reached`."""
    started_s = time.monotonic()
    while not reached():
        feeder.feed(sum(observer.ends()))
        if time.monotonic() - started_s > BEGIN_TIMEOUT_S:
            raise BenchError(f"{otherwise} within {BEGIN_TIMEOUT_S:.0f} s")
        time.sleep(LOOK_INTERVAL_S)
    return time.monotonic() - started_s


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """Yield the URL of a fresh database with our schema; it is dropped after."""
    name = f"judgify_bench_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    asyncio.run(_execute(server_url, f'create database "{name}"'))
    try:
        asyncio.run(upgrade(url))
        yield url
    finally:
        asyncio.run(_execute(server_url, f'drop database "{name}" with (force)'))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
