"""A process that echoes requests to results through the real seam, with faults on demand.

Run as a module: `python -m tests.support.echo_agent PREFIX PORT [LOOP_S]`. The value of a record
says what to do with it: `echo …`, `bad`, `bug`, `sleep SECONDS`, `large BYTES`, `fatal`, and
`wait FILE` is held until FILE exists.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runtime.clock import BrokerClock, SystemClock
from runtime.health import HealthServer
from runtime.logs import configure_logging
from schemas.errors import DependencyError, FatalError, MessageError
from stream.batch import Batch, Output, Record
from stream.process import Spec, StreamProcess
from stream.shapes.map import MapLane
from stream.watchdog import Limits
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, full_name

NAME: Final = "echo"


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
        if word == "fatal":
            raise FatalError("told to stop")
        if word == "sleep":
            print("asleep", flush=True)
            time.sleep(float(argument))
        if word == "wait" and not Path(argument).exists():
            raise DependencyError("file", f"{argument} is not there")
        value = b"x" * int(argument) if word == "large" else record.value
        return Output(self._results, record.key, value)


def no_skips() -> Mapping[tuple[str, int, int], str]:
    return {}


async def run(prefix: str, port: int, limits: Limits) -> int:
    bootstrap = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    requests, results = full_name(REQUESTS, prefix), full_name(RESULTS, prefix)
    dead_letters = full_name(DEAD_LETTERS, prefix)
    clock = SystemClock()
    broker_clock = BrokerClock(clock)
    spec = Spec(
        agent=NAME,
        group=f"{prefix}{NAME}",
        bootstrap_servers=bootstrap,
        engine="0",
        topics_needed=(dead_letters,),
        topics_equal=(requests, results),
        requests_topic=requests,
        dead_letters_topic=dead_letters,
        make_lanes=lambda seam, undertaker: [MapLane(requests, Echo(results), seam, undertaker)],
        skips=no_skips,
        limits=limits,
        drain_timeout_s=2.0,
    )
    process = StreamProcess(spec, clock, broker_clock)
    health = HealthServer("127.0.0.1", port, process.problems, process.status)
    await health.start()
    return await process.run()


if __name__ == "__main__":
    configure_logging("INFO", process=NAME)
    loop_s = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    code = asyncio.run(run(sys.argv[1], int(sys.argv[2]), Limits(loop_s=loop_s)))
    sys.stdout.flush()
    os._exit(code)
