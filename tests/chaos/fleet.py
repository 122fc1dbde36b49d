"""The fleet: the agents as real processes, started again whenever they end, as a launcher would."""

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from judgify.stack.agent import Agent, AgentOptions
from judgify.stack.child import Child, Command, spawn
from tests.chaos.history import History

RESTART_AFTER_S: Final = 0.5
TERM_TIMEOUT_S: Final = 10.0
"""What an agent may take from SIGTERM to its end."""
KILL_AFTER_S: Final = 20.0
"""An agent that is still there then is killed; the checker has its 10 s already."""
PROGRAM: Final = ("-m", "judgify")
"""What runs the product."""


@dataclass(slots=True)
class Member:
    """One copy of an agent: a slot that holds one process after the other."""

    slot: str
    agent: Agent
    command: Command
    child: Child | None = None
    wanted: bool = False
    failpoint: str | None = None
    """Armed in the next process of this slot, and in no later one."""
    cause: str | None = None
    """What we did to the process that runs now; None: it has no reason to end."""
    was_ready: bool = False
    """Whether the process that runs now has ever said so."""
    term_sent_s: float | None = None
    due_s: float = 0.0
    lives: int = 0

    @property
    def name(self) -> str:
        return self.slot.partition("/")[0]

    @property
    def is_alive(self) -> bool:
        return self.child is not None and self.child.is_alive


@dataclass(slots=True)
class Fleet:
    """All copies of all agents."""

    members: dict[str, Member]
    history: History
    environment: dict[str, str]
    """Of every process that is started from now on."""

    def start(self, slot: str, failpoint: str | None = None) -> None:
        """Want a process in `slot` from now on, the first one with `failpoint` armed."""
        member = self.members[slot]
        member.wanted, member.failpoint, member.due_s = True, failpoint, 0.0
        self._spawn_due(member)

    def end(self, slot: str, number: signal.Signals, cause: str) -> None:
        """Send a signal that is meant to end the process in `slot`."""
        member = self.members[slot]
        member.cause = member.cause or cause
        if number == signal.SIGTERM:
            member.term_sent_s = time.monotonic()
        self.send(slot, number)

    def leave(self, slot: str) -> None:
        """Ask the process in `slot` to go, and start no other."""
        self.members[slot].wanted = False
        self.end(slot, signal.SIGTERM, "leave")

    def send(self, slot: str, number: signal.Signals) -> None:
        child = self.members[slot].child
        if child is not None:
            child.send(number)

    def tend(self) -> None:
        """Look after every slot once: record who ended, start who is wanted."""
        for member in self.members.values():
            if member.child is not None and not member.child.is_alive:
                self._bury(member, member.child)
            elif member.term_sent_s and time.monotonic() > member.term_sent_s + KILL_AFTER_S:
                self.send(member.slot, signal.SIGKILL)
            self._spawn_due(member)

    def alive(self) -> Iterator[tuple[Member, psutil.Process]]:
        """Yield who runs."""
        for member in list(self.members.values()):
            child = member.child
            if child is not None and child.is_alive:
                yield member, psutil.Process(child.pid)

    def are_ready(self) -> bool:
        """Say whether every process that is wanted runs and says that it is ready."""
        wanted = [member for member in self.members.values() if member.wanted]
        return all(member.is_alive and member.agent.is_ready() for member in wanted)

    def stop(self) -> None:
        """Ask everybody to end; `tend` records how they did."""
        for slot, member in self.members.items():
            member.wanted = False
            if member.is_alive:
                self.end(slot, signal.SIGTERM, "stop")

    def is_empty(self) -> bool:
        return all(member.child is None for member in self.members.values())

    def close(self) -> None:
        """End whoever is left."""
        for member in self.members.values():
            if member.child is not None:
                member.child.kill()

    def _spawn_due(self, member: Member) -> None:
        if not member.wanted or member.child is not None or time.monotonic() < member.due_s:
            return
        failpoint, member.failpoint = member.failpoint, None
        environment = self.environment
        if failpoint:
            environment = {**environment, "JUDGIFY_FAILPOINT": failpoint}
            member.cause = f"failpoint {failpoint}"
        member.child = spawn(replace(member.command, environment=environment))
        member.lives += 1
        self.history.add("started", slot=member.slot, pid=member.child.pid, failpoint=failpoint)

    def _bury(self, member: Member, child: Child) -> None:
        term_s = member.term_sent_s
        took_s = None if term_s is None else round(time.monotonic() - term_s, 2)
        self.history.add(
            "ended",
            slot=member.slot,
            pid=child.pid,
            reason=child.exit_reason,
            cause=member.cause,
            term_took_s=took_s,
            ready=member.was_ready,
        )
        member.child, member.cause, member.term_sent_s = None, None, None
        member.was_ready = False
        member.due_s = time.monotonic() + RESTART_AFTER_S


def make_fleet(
    ports: Mapping[str, int],
    directory: Path,
    environment: Mapping[str, str],
    history: History,
    program: tuple[str, ...] = PROGRAM,
) -> Fleet:
    """Return a fleet with nobody in it yet; `program` may be another build of the product."""
    members = {}
    options = AgentOptions(directory, "127.0.0.1", TERM_TIMEOUT_S, {})
    for slot, port in ports.items():
        if "/" not in slot:
            continue
        name, _, copy = slot.partition("/")
        agent = Agent(name, port, options)
        argv = (sys.executable, *program, "run", name, "--port", str(port))
        log = directory / "logs" / f"{name}-{copy}.log"
        members[slot] = Member(slot, agent, replace(agent.command(), argv=argv, log=log))
    return Fleet(members, history, dict(environment))
