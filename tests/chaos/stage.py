"""The stage: a Kafka, a PostgreSQL and a Valkey of the run's own, that faults stop and start.

Their data lies in a directory of the run. The database lies in a tablespace on a small disk of its
own, so that filling it leaves PostgreSQL's log and everybody else alone.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psutil

from judgify.stack.fake_llm import NAME as FAKE_LLM
from judgify.stack.fake_llm import FakeLlm
from judgify.stack.kafka import Kafka
from judgify.stack.ports import choose_ports
from judgify.stack.postgres import Postgres
from judgify.stack.service import Service
from judgify.stack.valkey import Valkey, find_valkey
from tests.chaos import sql
from tests.chaos.schedule import AGENTS
from tests.support.skips import NO_RIGHT_TO_MOUNT

CLONE_NEWNS: Final = 0x00020000
DISK_MIB: Final = 384
BALLAST: Final = "ballast"
MIB: Final = 1_048_576
PAGE_BYTES: Final = 4_096
READY_POLL_S: Final = 0.25
AGENT_SLOTS: Final = 3


class Dependency:
    """A service whose stop and start take several looks, so that nobody waits for them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.name = service.name
        self._stop_by_s = 0.0
        self._looked_s = 0.0

    @property
    def is_alive(self) -> bool:
        return self.service.is_alive

    def send(self, number: signal.Signals) -> None:
        """Ask it to end; it has its own stop timeout from here."""
        if self.service.child:
            self.service.child.send(number)
        self._stop_by_s = time.monotonic() + self.service.program.stop_timeout_s

    def is_back(self) -> bool:
        """Bring it back a step further; say whether it answers."""
        if self._stop_by_s:
            if self.is_alive and time.monotonic() < self._stop_by_s:
                return False
            self.service.kill()
            self._stop_by_s = 0.0
            self.service.program.prepare()
            self.service.launch()
        if time.monotonic() < self._looked_s + READY_POLL_S:
            return False
        self._looked_s = time.monotonic()
        return self.service.poll_ready()

    def processes(self) -> list[psutil.Process]:
        """Return its process and all that it started."""
        if self.service.child is None or not self.is_alive:
            return []
        parent = psutil.Process(self.service.child.pid)
        return [parent, *parent.children(recursive=True)]


class SmallDisk:
    """A disk that can be filled: a tmpfs that this process and its children alone can see.

    It lives in a mount namespace of ours, and so it goes when the last of us does.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.missing: str | None = None
        """Why there is none; then the database lies beside the log."""
        place.mkdir()
        try:
            _mount(place)
        except OSError as error:
            self.missing = f"{NO_RIGHT_TO_MOUNT}: {error}"

    @property
    def tablespace(self) -> Path | None:
        """Where PostgreSQL may make one; an empty directory of its user's."""
        return None if self.missing else self.place / "tablespace"

    def prepare(self, uid: int, gid: int) -> None:
        if self.tablespace is not None:
            self.tablespace.mkdir(mode=0o700)
            os.chown(self.tablespace, uid, gid)

    def fill(self) -> None:
        """Leave not one byte."""
        with (self.place / BALLAST).open("wb", buffering=0) as ballast:
            for size_bytes in (MIB, PAGE_BYTES):
                with contextlib.suppress(OSError):  # no space left: that is the point
                    while True:
                        ballast.write(bytes(size_bytes))

    def clear(self) -> None:
        (self.place / BALLAST).unlink(missing_ok=True)

    def close(self) -> None:
        if not self.missing:
            subprocess.run(["umount", "--lazy", str(self.place)], check=False, capture_output=True)


def _mount(place: Path) -> None:
    """Mount a tmpfs, in a mount namespace of this process.

    Raises:
        OSError: the system does not let us.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace: needs root (CAP_SYS_ADMIN)")
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=711", "tmpfs", str(place)],
    ):
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise OSError(told.stderr.strip() or f"{command[0]} failed")


class Stage:
    """Everything that the agents depend on."""

    def __init__(self, directory: Path) -> None:
        (directory / "logs").mkdir(exist_ok=True)
        slots = [f"{agent}/{copy}" for agent in AGENTS for copy in range(AGENT_SLOTS)]
        self.ports = choose_ports(
            ("kafka", "controller", "postgres", "valkey", FAKE_LLM, *slots), {}, {}
        )
        self.directory = directory
        self.disk = SmallDisk(directory / "disk")
        self._postgres = Postgres(directory, self.ports["postgres"])
        kafka = Kafka(directory, self.ports["kafka"], self.ports["controller"])
        self.kafka = Dependency(Service(kafka))
        self.postgres = Dependency(Service(self._postgres))
        binary = find_valkey()
        valkey = Valkey(directory, self.ports["valkey"], binary) if binary else None
        self.valkey = Dependency(Service(valkey)) if valkey else None
        stand_in = FakeLlm(directory, self.ports[FAKE_LLM])
        self.fake_llm = Dependency(Service(stand_in))
        self.llm_base_url = stand_in.base_url
        self.bootstrap = kafka.bootstrap_servers
        self.redis_url = valkey.url if valkey else None
        self.database_url = ""

    def open(self) -> None:
        """Start everything and make the database; from the main thread (see judgify/stack)."""
        waiting = [dependency.service for dependency in self.dependencies]
        for service in waiting:
            service.program.prepare()
            service.launch()
        while waiting:
            waiting = [service for service in waiting if not service.poll_ready()]
            time.sleep(READY_POLL_S)
        self.database_url = self._make_database()

    @property
    def dependencies(self) -> list[Dependency]:
        return [each for each in (self.kafka, self.postgres, self.valkey, self.fake_llm) if each]

    def dependency(self, name: str) -> Dependency | None:
        """Return the service called `name`; None when it cannot be run here."""
        return next((each for each in self.dependencies if each.name == name), None)

    def _make_database(self) -> str:
        server_url = self._postgres.url
        options = ""
        status = self.directory.joinpath("postgres", "data").stat()
        self.disk.prepare(status.st_uid, status.st_gid)
        if self.disk.tablespace is not None:
            sql.execute(server_url, f"CREATE TABLESPACE small LOCATION '{self.disk.tablespace}'")
            options = "TABLESPACE small"
        sql.execute(server_url, f"CREATE DATABASE chaos {options}")
        return server_url.rpartition("/")[0] + "/chaos"

    def close(self) -> None:
        for dependency in reversed(self.dependencies):
            for process in dependency.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
            dependency.service.stop()
        self.disk.close()
