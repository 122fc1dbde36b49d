"""The faults: each knows how to strike and how to be healed, and nothing else."""

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import psutil

from tests.chaos import sql
from tests.chaos.fleet import Fleet
from tests.chaos.schedule import Planned
from tests.chaos.stage import Dependency, Stage

LOCKED_TABLE: Final = "judgment_executions"
ANSWER_TIMEOUT_S: Final = 2.0
STRIKE_TIMEOUT_S: Final = 30.0
"""From arming a failpoint: the process starts, joins, works, and may wait for a watchdog."""


class SkippedError(Exception):
    """The fault cannot be had on this machine; the message says why."""


class Fault(Protocol):
    """Something that goes wrong for a while."""

    def inject(self) -> None:
        """Make it go wrong; returns at once.

        Raises:
            SkippedError: not on this machine.
        """
        ...

    def heal(self) -> bool:
        """Take a step towards health; say whether it is reached. Called until it is.

        Raises:
            SkippedError: all is well, but the fault was none.
        """
        ...


class Kill:
    """`kill -9` of an agent; whoever tends the fleet starts the next."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._slot, self._fleet = planned.target, fleet

    def inject(self) -> None:
        self._fleet.end(self._slot, signal.SIGKILL, "kill")

    def heal(self) -> bool:
        return self._fleet.members[self._slot].is_alive


class Leave:
    """SIGTERM under load; a while later another copy joins in its place."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._slot, self._fleet = planned.target, fleet

    def inject(self) -> None:
        self._fleet.leave(self._slot)

    def heal(self) -> bool:
        self._fleet.start(self._slot)
        return self._fleet.members[self._slot].lives > 0


class Join:
    """One copy more, which goes again."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._slot, self._fleet = planned.target, fleet
        self._left = False

    def inject(self) -> None:
        self._fleet.start(self._slot)

    def heal(self) -> bool:
        if not self._left:
            self._fleet.leave(self._slot)
            self._left = True
        return self._fleet.members[self._slot].child is None


class Failpoint:
    """A process that fails at a place in its own code; the one before it is killed."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._slot, self._fleet, self._spec = planned.target, fleet, planned.detail
        self._strike_by_s = 0.0

    def inject(self) -> None:
        self._fleet.members[self._slot].failpoint = self._spec
        self._fleet.end(self._slot, signal.SIGKILL, "rearm")
        self._strike_by_s = time.monotonic() + STRIKE_TIMEOUT_S

    def heal(self) -> bool:
        """Wait until it has struck; end a process where it does not, lest it strikes later."""
        member = self._fleet.members[self._slot]
        member.failpoint = None
        if (member.cause or "").startswith("failpoint"):
            is_deadly = "sleep_ms" not in self._spec
            if is_deadly and time.monotonic() < self._strike_by_s:
                return False
            member.cause = None
            self._fleet.end(self._slot, signal.SIGKILL, f"unarm {self._spec}")
            return False
        return member.is_alive and member.cause is None


class Hang(Failpoint):
    """An event loop that blocks for ever: only the watchdog can end it."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        super().__init__(planned, stage, fleet)
        self._spec = "received:2:hang"


class Freeze:
    """SIGSTOP, and SIGCONT when its membership may have expired: a process that wakes as a zombie."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._target, self._stage, self._fleet = planned.target, stage, fleet
        self._frozen: list[psutil.Process] = []

    def inject(self) -> None:
        dependency = self._stage.dependency(self._target)
        if dependency is not None:
            self._frozen = dependency.processes()
        else:
            self._frozen = [
                each for member, each in self._fleet.alive() if member.slot == self._target
            ]
        for process in self._frozen:
            process.suspend()

    def heal(self) -> bool:
        for process in self._frozen:
            if process.is_running():
                process.resume()
        return True


class _ServiceFault:
    """A service that ends and is started again."""

    number: signal.Signals

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._name, self._stage = planned.target, stage

    def _find(self) -> Dependency:
        dependency = self._stage.dependency(self._name)
        if dependency is None:
            raise SkippedError(f"{self._name} cannot be run here")
        return dependency

    def inject(self) -> None:
        dependency = self._find()
        dependency.send(getattr(self, "number", dependency.service.program.stop_signal))

    def heal(self) -> bool:
        return self._find().is_back()


class Stop(_ServiceFault):
    """An orderly stop."""


class KillService(_ServiceFault):
    """`kill -9`: what it has acknowledged must still be there."""

    number = signal.SIGKILL


class ImmediateStop(_ServiceFault):
    """PostgreSQL ends without a checkpoint, and recovers from its log."""

    number = signal.SIGQUIT


class FillDisk:
    """The disk of the database is full to the last byte."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._disk = stage.disk

    def inject(self) -> None:
        if self._disk.missing:
            raise SkippedError(str(self._disk.missing))
        self._disk.fill()

    def heal(self) -> bool:
        self._disk.clear()
        return True


class LockTable:
    """Somebody holds the table of judgments and does not let go."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._lock = sql.Lock(stage.database_url, LOCKED_TABLE)

    def inject(self) -> None:
        self._lock.take()

    def heal(self) -> bool:
        self._lock.release()
        if self._lock.failure:
            raise SkippedError(f"the lock was not held: {self._lock.failure}")
        return True


class RefuseWrites:
    """The database is read-only, as a standby is after a failover that went wrong."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._url = stage.database_url

    def inject(self) -> None:
        try:
            self._set("on")
        except sql.ERRORS as error:
            raise SkippedError(f"{type(error).__name__}: {error}") from error

    def heal(self) -> bool:
        try:
            self._set("off")
        except sql.ERRORS:
            return False
        return True

    def _set(self, value: str) -> None:
        sql.execute(
            self._url,
            f"ALTER DATABASE chaos SET default_transaction_read_only = {value}",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'postgres-sink'",
        )


class Flush:
    """Valkey forgets everything."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._url = stage.redis_url

    def inject(self) -> None:
        if self._url is None:
            raise SkippedError("valkey cannot be run here")
        where = urlsplit(self._url)
        request = f"AUTH {where.password}\r\nFLUSHALL\r\n".encode()
        address = (where.hostname or "", where.port or 0)
        with socket.create_connection(address, ANSWER_TIMEOUT_S) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.sendall(request)
            connection.recv(64)

    def heal(self) -> bool:
        return True


class Endpoint:
    """The LLM answers as no endpoint should."""

    def __init__(self, planned: Planned, stage: Stage, fleet: Fleet) -> None:
        self._kind, self._url = planned.detail, f"{stage.llm_base_url}/_script"

    def inject(self) -> None:
        self._follow(faults=[{"kind": self._kind}])

    def heal(self) -> bool:
        try:
            self._follow()
        except OSError:
            return False
        return True

    def _follow(self, **script: object) -> None:
        body = json.dumps(script).encode()
        with urllib.request.urlopen(self._url, body, ANSWER_TIMEOUT_S) as answer:  # noqa: S310 -- ours
            answer.read()


class MakeFault(Protocol):
    """The constructor that every fault has."""

    def __call__(self, planned: Planned, stage: Stage, fleet: Fleet) -> Fault: ...


FAULTS: Final[Mapping[str, MakeFault]] = {
    "kill": Kill,
    "leave": Leave,
    "join": Join,
    "failpoint": Failpoint,
    "hang": Hang,
    "freeze": Freeze,
    "stop": Stop,
    "kill-service": KillService,
    "immediate-stop": ImmediateStop,
    "fill-disk": FillDisk,
    "lock": LockTable,
    "refuse-writes": RefuseWrites,
    "flush": Flush,
    "endpoint": Endpoint,
}
"""Every fault, by its name in schedules."""
