"""A process that echoes requests to results through the real seam, with faults on demand.

Run as a module: `python -m tests.support.echo_agent PREFIX PORT OPTIONS`, the options a JSON
object (see `Options`). The value of a record says what to do with it: `echo …`, `bad`, `bug`,
`sleep SECONDS` (the whole loop), `large BYTES`, `fatal`, `die` ends the process, and `wait FILE`
is held until FILE exists. To the concurrent shape `hang FILE` is work that lasts until FILE exists.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.clock import BrokerClock, SystemClock
from runtime.health import HealthServer
from runtime.logs import close_logging, configure_logging
from schemas.errors import DependencyError, FatalError, MessageError
from stream import app
from stream.batch import Batch, Burial, Output, Record
from stream.burial import Undertaker
from stream.ledger import TopicPartition
from stream.pipeline import Bounds
from stream.process import Spec, StreamProcess
from stream.seam import Seam
from stream.shapes.concurrent import ConcurrentLane, Pace
from stream.shapes.lane import Lane
from stream.shapes.map import MapLane
from stream.shapes.sink import SinkLane, Write
from stream.watchdog import Limits
from tests.support.waiting import wait_until_async
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, full_name

NAME: Final = "echo"
DEAD: Final = 9
"""Exit code of a process that a record ended."""
HANG_S: Final = 3_600.0


class Echo:
    """Does what the value of a record says."""

    def __init__(self, results: str) -> None:
        self._results = results

    def open_batch(self, batch: Batch) -> "Echo":
        return self

    def finished(self) -> None:
        """Nothing is counted."""

    def decide(self, record: Record) -> Output:
        word, _, argument = (record.value or b"").decode().partition(" ")
        if word == "bad":
            raise MessageError("bad", "it says so itself")
        if word == "bug":
            raise ZeroDivisionError
        if word == "die":
            os._exit(DEAD)
        if word == "memory":
            raise MemoryError
        if word == "fatal":
            raise FatalError("told to stop")
        if word == "sleep":
            print("asleep", flush=True)
            time.sleep(float(argument))
        if word == "wait" and not Path(argument).exists():
            raise DependencyError("file", f"{argument} is not there")
        value = b"x" * int(argument) if word == "large" else record.value
        return Output(self._results, record.key, value)

    async def answer(self, source: TopicPartition, record: Record) -> Sequence[Output]:
        """Answer as a concurrent agent."""
        word, _, argument = (record.value or b"").decode().partition(" ")
        if word == "hang":
            await wait_until_async(Path(argument).exists, HANG_S)
        return [self.decide(record)]

    def make_writer(self, seam: Seam) -> Write:
        """Return a sink whose store is the results topic."""

        async def write(batches: Sequence[Batch]) -> Sequence[Burial]:
            buried = []
            for batch in batches:
                outputs = []
                for record in batch.records:
                    try:
                        outputs.append(self.decide(record))
                    except MessageError as error:
                        buried.append(Burial(batch.topic, batch.partition, record, error))
                await seam.publisher.publish(batch.partition, outputs)
            return buried

        return write


@dataclass(frozen=True)
class Options:
    """How the process runs, other than by default."""

    shape: str = "map"
    loop_s: float = 10.0
    work_s: float = 60.0
    concurrency: int = 4
    records: int = 8_000
    max_poll_interval_s: float = 1_000_000
    skips: str = ""
    """A file with lines `partition offset reason`: what an operator ordered to skip."""


def read_skips(path: str, topic: str) -> Mapping[tuple[str, int, int], str]:
    if not path or not Path(path).exists():
        return {}
    lines = [line.split(" ", 2) for line in Path(path).read_text().splitlines()]
    return {(topic, int(number), int(offset)): reason for number, offset, reason in lines}


def make_lane(options: Options, topic: str, echo: Echo, seam: Seam, undertaker: Undertaker) -> Lane:
    if options.shape == "concurrent":
        return ConcurrentLane(topic, echo, seam, undertaker, Pace(options.concurrency, 2.0))
    if options.shape == "sink":
        return SinkLane(topic, echo.make_writer(seam), seam, undertaker)
    return MapLane(topic, echo, seam, undertaker)


async def run(prefix: str, port: int, options: Options) -> int:
    bootstrap = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    app._SETTINGS["broker_max_poll_interval"] = options.max_poll_interval_s
    requests, results = full_name(REQUESTS, prefix), full_name(RESULTS, prefix)
    dead_letters = full_name(DEAD_LETTERS, prefix)
    clock = SystemClock()
    broker_clock = BrokerClock(clock)
    echo = Echo(results)
    few = {requests: Pace(options.concurrency).records_max} if options.shape == "concurrent" else {}
    spec = Spec(
        agent=NAME,
        group=f"{prefix}{NAME}",
        bootstrap_servers=bootstrap,
        engine="0",
        topics_needed=(dead_letters,),
        topics_equal=(requests, results),
        requests_topic=requests,
        dead_letters_topic=dead_letters,
        make_lanes=lambda seam, undertaker: [make_lane(options, requests, echo, seam, undertaker)],
        skips=lambda: read_skips(options.skips, requests),
        limits=Limits(loop_s=options.loop_s, work_s=options.work_s),
        drain_timeout_s=2.0,
        bounds=Bounds(records=options.records, few=few),
    )
    process = StreamProcess(spec, clock, broker_clock)
    health = HealthServer("127.0.0.1", port, process.problems, process.status)
    await health.start()
    print(f"port {health.port}", flush=True)
    return await process.run()


if __name__ == "__main__":
    configure_logging("INFO", process=NAME)
    options = Options(**json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
    code = asyncio.run(run(sys.argv[1], int(sys.argv[2]), options))
    close_logging()
    sys.stdout.flush()
    os._exit(code)
