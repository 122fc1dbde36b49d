"""Hosting a process: logs, health door, event loop, exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, NoReturn

from runtime import failpoints
from runtime.clock import BrokerClock, Clock, SystemClock, format_ms
from runtime.health import HealthServer
from runtime.logs import close_logging, configure_logging, get_logger
from runtime.metrics import BUILD_INFO
from runtime.settings import Settings
from stream.pipeline import Bounds
from stream.process import Spec, StreamProcess
from stream.watchdog import Limits

ENGINE: Final = version("judgify")
"""Our version, as judgments and dead letters carry it."""

log = get_logger(__name__)

MakeSpec = Callable[[Settings, BrokerClock], Spec]


def run_process(name: str, make_spec: MakeSpec, settings: Settings, port: int | None) -> None:
    """Run the process `name` until it is asked to stop, and end with its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: end_process(0))  # until the process can do better
    configure_logging(settings.log_level, process=name)
    BUILD_INFO.labels(ENGINE).set(1)
    if settings.failpoint is not None:
        failpoints.arm(failpoints.parse_failpoints(settings.failpoint))
        log.warning("failpoints_armed", failpoint=settings.failpoint)
    asyncio.run(_host(name, make_spec, settings, port))


async def _host(name: str, make_spec: MakeSpec, settings: Settings, port: int | None) -> None:
    clock = SystemClock()
    broker_clock = BrokerClock(clock)
    process = StreamProcess(make_spec(settings, broker_clock), clock, broker_clock)
    frame = _frame(name, clock, process)
    declared = settings.port(name) if port is None else port
    health = HealthServer(settings.host, declared, process.problems, frame)
    await health.start()
    try:
        code = await process.run()
    finally:
        await health.stop()
    # From inside the loop: asyncio would wait for threads that may wait for a dead server.
    end_process(code)


def _frame(name: str, clock: Clock, process: StreamProcess) -> Callable[[], dict[str, Any]]:
    started_at = format_ms(clock.wall_ms())

    def status() -> dict[str, Any]:
        problems = process.problems()
        return {
            "process": name,
            "version": ENGINE,
            "pid": os.getpid(),
            "started_at": started_at,
            "ready": not problems,
            "problems": problems,
            **process.status(),
        }

    return status


def bounds_of(settings: Settings) -> Bounds:
    """Return how much a stream may hand out."""
    return Bounds(
        records=settings.stream_backlog_records,
        size_bytes=settings.stream_backlog_bytes,
        poll_records=settings.stream_poll_records,
        revoke_timeout_s=settings.revoke_timeout_s,
    )


def limits_of(settings: Settings) -> Limits:
    """Return how long a stream may stand still."""
    return Limits(loop_s=settings.watchdog_timeout_s, shutdown_s=settings.shutdown_timeout_s)


def end_process(code: int) -> NoReturn:
    """End at once: whatever thread of a library still lives has nothing left to say."""
    close_logging()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
