"""A real Apache Kafka: one node, broker and controller in one process, on 127.0.0.1."""

import base64
import os
import shutil
import signal
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from judgify.stack.child import Command, run_to_end
from judgify.stack.jars import OnBytes, fetch_jars, find_cache_dir, load_jar_list
from judgify.stack.java import find_java
from judgify.stack.ports import HOST
from judgify.stack.service import accepts_connections

HEAP_MIB_MAX: Final = 384
FORMAT_TIMEOUT_S: Final = 60.0
METADATA_TIMEOUT_S: Final = 1.0

SERVER_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={log_dir}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4500
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""
"""The voter is static, so that ports may change between two starts: a dynamic one is in the log.

The cleaner's buffer is 128 MiB by default, a third of the heap. A broker that was killed cannot
come back before its session has ended, 9 s by default.
"""

LOG4J: Final = """\
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c{1}: %m%n%throwable{8}
"""


class Kafka:
    """The broker; its data is in `data_dir/kafka`."""

    name = "kafka"
    title = "Kafka 4.3.1"
    stop_signal = signal.SIGTERM
    stop_timeout_s = 20.0
    ready_timeout_s = 90.0

    def __init__(
        self, data_dir: Path, port: int, controller_port: int, on_bytes: OnBytes | None = None
    ) -> None:
        self.port = port
        self._controller_port = controller_port
        self._home = data_dir / "kafka"
        self._log = data_dir / "logs" / "kafka.log"
        self._on_bytes = on_bytes or _ignore_bytes
        self._class_path = ""

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, write the configuration, format the log directory once.

        Raises:
            DependencyError: a jar cannot be had, or the format failed.
        """
        jars = fetch_jars(find_cache_dir(), load_jar_list(), self._on_bytes)
        self._class_path = os.pathsep.join(str(jar) for jar in jars)
        self._home.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(self._home / "tmp", ignore_errors=True)  # what a killed JVM unpacked
        (self._home / "tmp").mkdir()
        self._log.parent.mkdir(exist_ok=True, mode=0o700)
        (self._home / "log4j2.properties").write_text(LOG4J, "utf-8")
        final = self._home / "log"
        if not (final / "meta.properties").exists():
            self._format(final)
        self._write_properties("server.properties", final)

    def _format(self, final: Path) -> None:
        """Format beside `final` and rename: a format that was interrupted is done anew."""
        fresh = self._home / "log.new"
        shutil.rmtree(fresh, ignore_errors=True)
        properties = self._write_properties("format.properties", fresh)
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A")
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties))
        run_to_end(self._java(tool), FORMAT_TIMEOUT_S)
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)

    def command(self) -> Command:
        return self._java(("kafka.Kafka", str(self._home / "server.properties")))

    def is_ready(self) -> bool:
        if not accepts_connections(HOST, self.port):
            return False
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
            return bool(admin.list_topics(timeout=METADATA_TIMEOUT_S).brokers)
        except KafkaException:
            return False

    def _write_properties(self, name: str, log_dir: Path) -> Path:
        path = self._home / name
        text = SERVER_PROPERTIES.format(
            host=HOST, port=self.port, controller_port=self._controller_port, log_dir=log_dir
        )
        path.write_text(text, "utf-8")
        return path

    def _java(self, program: tuple[str, ...]) -> Command:
        options = (
            f"-Xmx{HEAP_MIB_MAX}m",
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={self._home / 'tmp'}",
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
        )
        return Command(
            name=self.name,
            argv=(str(find_java()), *options, *program),
            log=self._log,
            cwd=self._home,
            death_signal=signal.SIGKILL,  # a controlled shutdown takes longer than we may
            environment={"CLASSPATH": self._class_path},
        )


def _ignore_bytes(done: int, total: int) -> None:
    del done, total
