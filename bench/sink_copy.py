"""postgres-sink end to end beside a bare COPY of the same rows: `python -m bench.sink_copy`.

Both fill the same table, schema and indexes, in a database of its own, in turns. The sink is the
real process and reads its results from Kafka; its time runs from the first row that is stored to
the last. The COPY has its rows parsed and in memory, one connection, one transaction, no second
look at anything: what PostgreSQL can take, and what nobody's sink reaches.
"""

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
import psutil
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from bench.sink_rows import make_results
from sinks.postgres.migrate import upgrade
from sinks.postgres.rows import COLUMNS, parse_row
from topics.provisioning import create_topics
from topics.registry import REQUESTS, RESULTS, full_name

ROWS: Final = 200_000
ROUNDS: Final = 3
POLL_S: Final = 0.02
RUN_TIMEOUT_S: Final = 300.0
STOP_TIMEOUT_S: Final = 15.0
_TRUNCATE: Final = "TRUNCATE judgment_executions, judgment_duplicates, judgment_counts"
_BACKENDS: Final = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'postgres-sink' "
    "AND datname = current_database()"
)
_COUNT: Final = "SELECT coalesce(sum(judgments), 0)::bigint FROM judgment_counts"


class Ground:
    """Topics and a database for this measurement alone; both are gone afterwards."""

    def __init__(self, bootstrap: str, server_url: str, rows: int) -> None:
        self.bootstrap = bootstrap
        self.prefix = f"bench-{secrets.token_hex(4)}."
        self.rows = rows
        self._server_url = server_url
        self._name = f"judgify_bench_{secrets.token_hex(4)}"
        self.database_url = urlunsplit(urlsplit(server_url)._replace(path=f"/{self._name}"))
        self.values: list[bytes] = []

    async def open(self) -> None:
        create_topics(self.bootstrap, self.prefix, "local")
        await _execute(self._server_url, f'CREATE DATABASE "{self._name}"')
        await upgrade(self.database_url)
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20})
        topic = full_name(RESULTS, self.prefix)
        for partition, value in make_results(self.rows, full_name(REQUESTS, self.prefix)):
            self.values.append(value)
            producer.produce(topic, value, partition=partition)
            if len(self.values) % 1_000 == 0:
                producer.poll(0)
        if producer.flush(RUN_TIMEOUT_S):
            raise SystemExit("Kafka did not take the results")

    async def close(self) -> None:
        await _execute(self._server_url, f'DROP DATABASE "{self._name}" WITH (FORCE)')
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        names = [
            name for name in admin.list_topics(timeout=15).topics if name.startswith(self.prefix)
        ]
        for answer in admin.delete_topics(names).values():
            answer.result()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, timeout=RUN_TIMEOUT_S)
    finally:
        await connection.close()


class Figures(NamedTuple):
    """Of one run."""

    rows_per_s: float
    process_us: float
    """CPU time of our process per row, which a busy machine does not change much."""
    postgres_us: float
    """The same of PostgreSQL's; 0 where it is no process of this machine."""


def _spent_s(pids: Sequence[int]) -> float:
    spent_s = 0.0
    for pid in pids:
        with suppress(psutil.Error):  # on another machine, or gone
            times = psutil.Process(pid).cpu_times()
            spent_s += times.user + times.system
    return spent_s


async def measure_copy(ground: Ground) -> Figures:
    """Return the figures of one COPY of everything, committed."""
    rows = [parse_row(value) for value in ground.values]
    connection = await asyncpg.connect(ground.database_url)
    try:
        await connection.execute(_TRUNCATE)
        backend = [connection.get_server_pid()]
        started_s, ours_s, its_s = time.monotonic(), time.process_time(), _spent_s(backend)
        await connection.copy_records_to_table(
            "judgment_executions", records=rows, columns=COLUMNS, timeout=RUN_TIMEOUT_S
        )
        return Figures(
            len(rows) / (time.monotonic() - started_s),
            (time.process_time() - ours_s) / len(rows) * 1e6,
            (_spent_s(backend) - its_s) / len(rows) * 1e6,
        )
    finally:
        await connection.close()


async def measure_sink(ground: Ground, run: str, logs: Path) -> Figures:
    """Return the figures of postgres-sink, from the first rows seen to all of them."""
    await _execute(ground.database_url, _TRUNCATE)
    await _execute(ground.database_url, "CHECKPOINT")
    _forget_commits(ground)
    connection = await asyncpg.connect(ground.database_url)
    try:
        with _running_sink(ground, logs / f"{run}.log") as process:
            return await _watch(connection, process, ground.rows)
    finally:
        await connection.close()


async def _watch(
    connection: "asyncpg.Connection[asyncpg.Record]",
    process: "subprocess.Popen[bytes]",
    rows: int,
) -> Figures:
    first: tuple[float, int, float, float] | None = None
    deadline_s = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        stored = int(await connection.fetchval(_COUNT))
        now_s = time.monotonic()
        if stored and first is None:
            first = (now_s, stored, *await _spent_both(connection, process.pid))
        if first is not None and stored >= rows:
            ours_s, its_s = await _spent_both(connection, process.pid)
            done = stored - first[1]
            return Figures(
                done / (now_s - first[0]),
                (ours_s - first[2]) / done * 1e6,
                (its_s - first[3]) / done * 1e6,
            )
        await asyncio.sleep(POLL_S)
    raise SystemExit("postgres-sink did not store everything: read its log")


async def _spent_both(
    connection: "asyncpg.Connection[asyncpg.Record]", pid: int
) -> tuple[float, float]:
    """Return the CPU seconds of the sink, and of those who serve it in PostgreSQL."""
    backends = await connection.fetch(_BACKENDS)
    return _spent_s([pid]), _spent_s([row["pid"] for row in backends])


def _forget_commits(ground: Ground) -> None:
    admin = AdminClient({"bootstrap.servers": ground.bootstrap})
    group = f"{ground.prefix}postgres-sink"
    for answer in admin.delete_consumer_groups([group]).values():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise


@contextmanager
def _running_sink(ground: Ground, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": ground.bootstrap,
        "DATABASE_URL": ground.database_url,
        "JUDGIFY_TOPIC_PREFIX": ground.prefix,
        "JUDGIFY_DATA_DIR": str(log.parent / "no-stack"),
    }
    command = [sys.executable, "-m", "judgify", "run", "postgres-sink", "--port", "auto"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def compare(bootstrap: str, server_url: str, rows: int, rounds: int) -> dict[str, Any]:
    """Return rates of both in each round, their medians, and the ratio of these."""
    ground = Ground(bootstrap, server_url, rows)
    copies: list[Figures] = []
    sinks: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="judgify-bench.") as logs:
        try:
            await ground.open()
            for number in range(rounds):
                copies.append(await measure_copy(ground))
                sinks.append(await measure_sink(ground, f"sink-{number}", Path(logs)))
                print(f"round {number + 1}: COPY {_spell(copies[-1])}; sink {_spell(sinks[-1])}")
        finally:
            await ground.close()
    return summarize(rows, copies, sinks)


def _spell(run: Figures) -> str:
    return (
        f"{run.rows_per_s:,.0f}/s ({run.process_us:.1f} us ours, {run.postgres_us:.1f} us "
        "PostgreSQL's)"
    )


def summarize(rows: int, copies: Sequence[Figures], sinks: Sequence[Figures]) -> dict[str, Any]:
    """Return the figures of all rounds as the report holds them."""
    copy, sink = (_find_medians(runs) for runs in (copies, sinks))
    return {
        "rows": rows,
        "copy_rows_per_s": [round(run.rows_per_s) for run in copies],
        "sink_rows_per_s": [round(run.rows_per_s) for run in sinks],
        "copy_median": round(copy.rows_per_s),
        "sink_median": round(sink.rows_per_s),
        "ratio": round(sink.rows_per_s / copy.rows_per_s, 3),
        "cpu_us_per_row": {
            name: {"process": round(run.process_us, 1), "postgres": round(run.postgres_us, 1)}
            for name, run in (("copy", copy), ("sink", sink))
        },
    }


def _find_medians(runs: Sequence[Figures]) -> Figures:
    return Figures(*(statistics.median(each) for each in zip(*runs, strict=True)))


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink_copy", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    bootstrap, url = os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), os.environ.get("DATABASE_URL")
    if not bootstrap or not url:
        raise SystemExit("KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL are not set: `make bench`")
    report = asyncio.run(compare(bootstrap, url, arguments.rows, arguments.rounds))
    print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
