"""Gathers a snapshot: asks everything at once, and waits for nothing longer than it says."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from judgify.cli.context import CliContext
from judgify.status.buried import count_dead_letters
from judgify.status.committed import Broker, Partitions
from judgify.status.probe import ask_processes
from judgify.status.snapshot import DeadLetterCount, DependencyView, DiskView, ProcessView, Snapshot
from runtime.addresses import without_password
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, TOPICS, WORKFLOWS, full_name

READS: Final = {
    "rule-agent": (REQUESTS,),
    "postgres-sink": (RESULTS, DEAD_LETTERS, WORKFLOWS),
}
"""Every process that should run, and the topics that its group commits."""


async def gather(context: CliContext) -> Snapshot:
    """Return how all of it stands; takes under 5 s even when nothing answers."""
    names = [full_name(spec, context.settings.topic_prefix) for spec in TOPICS]
    broker = Broker(context.kafka)
    processes, partitions, buried = await asyncio.gather(
        _ask_processes(context),
        asyncio.to_thread(broker.fetch_partitions, names),
        _ask_database(context),
    )
    kafka_error = partitions if isinstance(partitions, str) else None
    if not isinstance(partitions, str):
        processes = await _add_behind(context, broker, processes, partitions)
    counts, database = buried
    return Snapshot(
        data_dir=str(context.data_dir),
        topic_prefix=context.settings.topic_prefix,
        local=context.state is not None,
        processes=processes,
        dependencies=[
            DependencyView(name="kafka", address=context.kafka, error=kafka_error),
            *database,
        ],
        topics_missing=[] if kafka_error else [name for name in names if name not in partitions],
        dead_letters=counts,
        disk=measure_disk(context.data_dir),
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


async def _ask_database(
    context: CliContext,
) -> tuple[list[DeadLetterCount] | None, list[DependencyView]]:
    if context.database_url is None:
        return None, []
    counts, error = await count_dead_letters(context.database_url)
    address = without_password(context.database_url)
    return counts, [DependencyView(name="postgres", address=address, error=error)]


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


def measure_disk(path: Path) -> DiskView | None:
    """Return the room on the disk that holds `path`, which need not exist yet."""
    existing = next((place for place in (path, *path.parents) if place.exists()), None)
    if existing is None:
        return None
    usage = shutil.disk_usage(existing)
    return DiskView(path=str(path), free_bytes=usage.free, total_bytes=usage.total)
