"""Puts postgres-sink together: results, dead letters and workflows in, rows out."""

import asyncio
from collections.abc import Sequence
from typing import Final

from judgify.processes.details import describe_switches, read_skips
from judgify.processes.host import ENGINE, bounds_of, limits_of
from judgify.stack.disk import find_postgres_disk
from runtime.clock import BrokerClock
from runtime.settings import Settings
from schemas.errors import FatalError
from sinks.postgres.sink import PostgresSink
from stream.burial import Undertaker
from stream.process import Spec
from stream.seam import Seam
from stream.shapes.sink import SinkLane
from topics.registry import CONTROL, DEAD_LETTERS, REQUESTS, RESULTS, WORKFLOWS, full_name
from topics.switches import Switches

NAME: Final = "postgres-sink"


def make_spec(settings: Settings, clock: BrokerClock) -> Spec:
    """Return the process as the stream runs it.

    Raises:
        FatalError: nobody said where PostgreSQL is.
    """
    del clock
    if settings.database_url is None:
        raise FatalError("DATABASE_URL is not set: set it to postgresql://…, or `judgify up`")
    prefix = settings.topic_prefix
    url, disk = settings.database_url.get_secret_value(), find_postgres_disk(settings)
    sink = PostgresSink(url, pool_max=settings.pg_pool_max, disk=disk)
    switches = Switches(settings.bootstrap, full_name(CONTROL, prefix), settings)
    results, workflows = full_name(RESULTS, prefix), full_name(WORKFLOWS, prefix)
    dead_letters = full_name(DEAD_LETTERS, prefix)

    def make_lanes(seam: Seam, undertaker: Undertaker) -> Sequence[SinkLane]:
        sink.note_progress = seam.progress.note_completed
        return [
            SinkLane(results, sink.write_results, seam, undertaker, sink.prepare_results),
            SinkLane(dead_letters, sink.write_dead_letters, seam, undertaker),
            SinkLane(workflows, sink.write_workflows, seam, undertaker),
        ]

    async def open_all() -> None:
        await sink.open()  # tried again until PostgreSQL lets us in; what follows is done once
        switches.start()

    async def close_all() -> None:
        await asyncio.gather(sink.close(), asyncio.to_thread(switches.stop))

    return Spec(
        agent=NAME,
        group=settings.group(NAME),
        bootstrap_servers=settings.bootstrap,
        engine=ENGINE,
        topics_needed=(results, dead_letters, workflows, full_name(CONTROL, prefix)),
        topics_equal=(),
        requests_topic=full_name(REQUESTS, prefix),
        dead_letters_topic=dead_letters,
        make_lanes=make_lanes,
        skips=lambda: read_skips(switches),
        open=open_all,
        close=close_all,
        details=lambda: {"switches": describe_switches(switches)},
        bounds=bounds_of(settings),
        limits=limits_of(settings),
        ack_timeout_s=settings.publish_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
