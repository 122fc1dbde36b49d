"""The rule lane for tests: topics, a database, published workflows, real processes to kill."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition

from rules.workflow.reader import read_workflow
from schemas.workflow_record import Activation, WorkflowVersion
from sinks.postgres.migrate import upgrade
from tests.support.waiting import wait_until
from topics.clients import find_bounds
from topics.provisioning import create_topics
from topics.publishing import publish
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, WORKFLOWS, full_name
from topics.workflow_records import VersionKey, encode_activation, encode_version

START_TIMEOUT_S: Final = 90.0
MILLING: Final = Path("examples/milling/workflow.yaml")


class Lane:
    """Topics under a prefix and the processes that work on them."""

    def __init__(self, bootstrap: str, prefix: str, logs: Path, database_url: str | None) -> None:
        create_topics(bootstrap, prefix, "local")
        if database_url is not None:
            asyncio.run(upgrade(database_url))
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.requests = full_name(REQUESTS, prefix)
        self.results = full_name(RESULTS, prefix)
        self.dead_letters = full_name(DEAD_LETTERS, prefix)
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "JUDGIFY_TOPIC_PREFIX": prefix,
            "JUDGIFY_DATA_DIR": str(logs / "no-stack"),
            "ENABLE_LLM_ENGINE": "false",  # nobody would answer (see llm_lane.py)
        } | ({} if database_url is None else {"DATABASE_URL": database_url})
        self._logs = logs
        self._started: list[subprocess.Popen[bytes]] = []
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "linger.ms": 5,
                "log_level": 0,
            }  # outages are on purpose
        )

    def publish_workflow(self, path: Path = MILLING) -> str:
        """Publish and activate; return the version when it is in force."""
        document = read_workflow(path.read_text(), str(path))
        topic = full_name(WORKFLOWS, self.prefix)
        version = VersionKey("default", document.id, document.version)
        body = WorkflowVersion(document=document.data, author="test")
        publish(self.bootstrap, topic, *encode_version(version, body))
        activation = Activation(
            tenant="default", workflow_id=document.id, version=document.version, author="test"
        )
        published = publish(self.bootstrap, topic, *encode_activation(activation))
        wait_until(lambda: time.time() * 1_000 > published.timestamp_ms + 2_100, what="the epoch")
        return document.version

    def start(self, name: str, *, wait: bool = True) -> subprocess.Popen[bytes]:
        """Start a process; with `wait` return when it has its partitions."""
        path = self._logs / f"{name}-{len(self._started)}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "judgify", "run", name, "--port", "0"],
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        if wait:
            wait_until(
                lambda: process.poll() is not None or "partitions_assigned" in path.read_text(),
                START_TIMEOUT_S,
                what=f"{name} to join its group",
            )
        return process

    @property
    def processes(self) -> "list[subprocess.Popen[bytes]]":
        """All that were started."""
        return self._started

    def count(self, topic: str) -> int:
        """Return how many offsets a topic has used."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none"})
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            places = [TopicPartition(topic, number) for number in partitions]
            ends = (find_bounds(consumer, self.bootstrap, it, 15)[1] for it in places)
            return sum(ends)
        finally:
            consumer.close()

    @property
    def newest(self) -> "subprocess.Popen[bytes]":
        """The process that was started last."""
        return self._started[-1]

    def run_judgify(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this lane to its end."""
        return subprocess.run(
            [sys.executable, "-m", "judgify", *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def send(self, value: bytes | None, **options: Any) -> None:
        """Publish one record to the requests topic, acknowledged."""
        self.producer.produce(self.requests, value, **options)
        assert self.producer.flush(20) == 0

    def log(self) -> str:
        """Return what all processes said."""
        return "".join(path.read_text() for path in sorted(self._logs.glob("*.log")))

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
