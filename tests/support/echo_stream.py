"""A stream of one's own for tests of the seam: topics, echo processes, what they published."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tests.support.group_state import commit_for, evict_members, fetch_metadata
from tests.support.waiting import wait_until
from topics.provisioning import create_topics

START_TIMEOUT_S: Final = 30.0


class EchoStream:
    """Topics under a prefix of their own and the processes started on them."""

    def __init__(self, bootstrap: str, prefix: str, logs: Path) -> None:
        create_topics(bootstrap, prefix, "local")
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.requests = f"{prefix}requests.v1"
        self.results = f"{prefix}results.v1"
        self.dead_letters = f"{prefix}dead-letters.v1"
        self.logs = logs
        self.processes: list[subprocess.Popen[bytes]] = []
        self.renew_producer()

    def renew_producer(self) -> None:
        """Forget what the producer knew of topics."""
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 1})

    def start(self, **options: str | float) -> subprocess.Popen[bytes]:
        """Start a process and wait until it has its partitions; options as echo_agent takes them."""
        module = "tests.support.echo_agent"
        path = self.logs / f"echo-{len(self.processes):03}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, self.prefix, "0", json.dumps(options)],
                env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        wait_until(
            lambda: process.poll() is not None or "partitions_assigned" in path.read_text(),
            START_TIMEOUT_S,
            what="the process to join its group",
        )
        return process

    def log(self) -> str:
        """Return what all processes said."""
        return "".join(path.read_text() for path in sorted(self.logs.glob("echo-*.log")))

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        """Publish values to one partition, in order, acknowledged."""
        for value in values:
            self._producer.produce(self.requests, value, key=b"k", partition=partition)
        assert self._producer.flush(20) == 0

    def send_keyed(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Publish pairs of value and key to partition 0 as one batch."""
        for value, key in records:
            self._producer.produce(self.requests, value, key=key, partition=0)
        assert self._producer.flush(20) == 0

    def read(self, topic: str, partition: int = 0) -> list[Message]:
        """Return everything in a partition, uncommitted transactions left out."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "none", "enable.partition.eof": True}
        )
        try:
            consumer.assign([TopicPartition(topic, partition, 0)])
            found = []
            while (message := consumer.poll(10)) is not None:
                if message.error():
                    break
                found.append(message)
            return found
        finally:
            consumer.close()

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        return [message.value() for message in self.read(topic, partition)]

    def committed(self, partition: int = 0) -> int:
        """Return the committed offset; negative before the first commit."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}echo"})
        try:
            [place] = consumer.committed([TopicPartition(self.requests, partition)], timeout=10)
            return int(place.offset)
        finally:
            consumer.close()

    def metadata(self, partition: int = 0) -> str:
        """Return what was committed with the offset, but for the id of the topic."""
        found = fetch_metadata(self.bootstrap, f"{self.prefix}echo", self.requests, partition)
        return found.partition(" topic=")[0]

    def wait_for_results(self, count: int, timeout_s: float = 15.0, partition: int = 0) -> None:
        wait_until(
            lambda: len(self.values(self.results, partition)) >= count,
            timeout_s,
            what=f"{count} results",
        )

    def wait_for_commit(self, offset: int, timeout_s: float = 10.0, partition: int = 0) -> None:
        wait_until(
            lambda: self.committed(partition) >= offset, timeout_s, what=f"a commit of {offset}"
        )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End the only process by force, and let the group know at once."""
        process.send_signal(signal.SIGKILL)
        self.bury(process)

    def bury(self, process: subprocess.Popen[bytes]) -> int:
        """Return how the only process ended, once the group knows that it is gone."""
        code = process.wait(timeout=20)
        evict_members(self.bootstrap, f"{self.prefix}echo")
        return code

    def start_until_held(self, code: int, **options: str | float) -> int:
        """Start processes until one lives on with a record held; return how many ended by `code`."""
        for died in range(20):
            process = self.start(**options)
            wait_until(
                lambda process=process: process.poll() is not None or "record_held" in self.log(),  # type: ignore[misc]  # -- bound now
                30,
                what="the process to die, or to hold the record",
            )
            if process.poll() is None:
                return died
            assert self.bury(process) == code
        message = "no process lives on"
        raise AssertionError(message)

    def status(self) -> dict[str, Any]:
        """Return what the process that was started last says of itself."""
        [*_, port] = re.findall(r"^port (\d+)$", self.log(), re.MULTILINE)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def commit(self, offset: int, metadata: str, partition: int = 0) -> None:
        """Commit as a process would that is gone."""
        group = f"{self.prefix}echo"
        commit_for(self.bootstrap, group, (self.requests, partition, offset), metadata)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
