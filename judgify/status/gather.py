"""Gathers a snapshot: asks everything at once, and waits for nothing longer than it says."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from judgify.cli.context import CliContext
from judgify.status.committed import Broker, Partitions
from judgify.status.database import Database, ask_database
from judgify.status.probe import accepts_connections, ask_processes
from judgify.status.snapshot import (
    DependencyView,
    DiskView,
    ProcessView,
    RestartView,
    Snapshot,
    Trouble,
)
from topics.registry import (
    DEAD_LETTERS,
    ESCALATIONS,
    REQUESTS,
    RESULTS,
    TOPICS,
    WORKFLOWS,
    full_name,
)

MIB: Final = 1_048_576
READS: Final = {
    "rule-agent": (REQUESTS,),
    "llm-agent": (ESCALATIONS,),
    "postgres-sink": (RESULTS, DEAD_LETTERS, WORKFLOWS),
}
"""Every process that should run, and the topics that its group commits."""


async def gather(context: CliContext) -> Snapshot:
    """Return how all of it stands; takes under 5 s even when nothing answers."""
    names = [full_name(spec, context.settings.topic_prefix) for spec in TOPICS]
    broker = Broker(context.kafka)
    processes, partitions, database = await asyncio.gather(
        _ask_processes(context),
        asyncio.to_thread(broker.fetch_partitions, names),
        _ask_database(context),
    )
    kafka_error = partitions if isinstance(partitions, str) else None
    if not isinstance(partitions, str):
        processes = await _add_behind(context, broker, processes, partitions)
    kafka_trouble = None if kafka_error is None else await _find_trouble(context.kafka)
    return Snapshot(
        data_dir=str(context.data_dir),
        topic_prefix=context.settings.topic_prefix,
        local=context.state is not None,
        processes=processes,
        dependencies=[
            DependencyView(
                name="kafka", address=context.kafka, error=kafka_error, trouble=kafka_trouble
            ),
            *([database.view] if database else []),
        ],
        topics_missing=[] if kafka_error else [name for name in names if name not in partitions],
        dead_letters=database.dead_letters if database else None,
        errors=database.errors if database else None,
        conflicts=database.conflicts if database else None,
        restarts=_find_restarts(context),
        disk=measure_disk(context.data_dir, context.settings.disk_free_min_mb * MIB),
    )


async def _ask_processes(context: CliContext) -> list[ProcessView]:
    """Return every process that should run, where the local stack or the settings put it."""
    known = context.state.processes if context.state else {}
    host = context.settings.host
    ports = {
        name: (known[name].port if name in known else None) or context.settings.port(name)
        for name in READS
    }
    answers = await ask_processes([(host, port) for port in ports.values()])
    return [
        ProcessView(
            name=name,
            host=host,
            port=port,
            status=status,
            error=error,
            last_exit=known[name].last_exit if name in known else None,
            restarts_total=known[name].restarts_total if name in known else 0,
        )
        for (name, port), (status, error) in zip(ports.items(), answers, strict=True)
    ]


async def _ask_database(context: CliContext) -> Database | None:
    return None if context.database_url is None else await ask_database(context.database_url)


async def _find_trouble(bootstrap: str) -> Trouble:
    """Tell a Kafka that accepts connections and says nothing from one that is away."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    is_there = port.isdecimal() and await accepts_connections(host.strip("[]"), int(port))
    return "mute" if is_there else "away"


def _find_restarts(context: CliContext) -> list[RestartView]:
    """Return the children of the local stack that were started again, services included."""
    children = context.state.processes if context.state else {}
    return [
        RestartView(name=name, restarts_total=seen.restarts_total, last_exit=seen.last_exit)
        for name, seen in children.items()
        if seen.restarts_total
    ]


async def _add_behind(
    context: CliContext, broker: Broker, processes: list[ProcessView], partitions: Partitions
) -> list[ProcessView]:
    """Return `processes`, with what Kafka knows of those that do not answer."""

    async def complete(process: ProcessView) -> ProcessView:
        if process.up:
            return process
        topics = [full_name(spec, context.settings.topic_prefix) for spec in READS[process.name]]
        wanted = {topic: partitions[topic] for topic in topics if topic in partitions}
        group = context.settings.group(process.name)
        behind = await asyncio.to_thread(broker.fetch_behind, group, wanted)
        return process.model_copy(update={"behind": behind})

    return list(await asyncio.gather(*(complete(process) for process in processes)))


def measure_disk(path: Path, floor_bytes: int = 0) -> DiskView | None:
    """Return the room on the disk that holds `path`, which need not exist yet."""
    existing = next((place for place in (path, *path.parents) if place.exists()), None)
    if existing is None:
        return None
    usage = shutil.disk_usage(existing)
    return DiskView(
        path=str(path),
        free_bytes=usage.free,
        total_bytes=usage.total,
        floor_bytes=floor_bytes,
    )
