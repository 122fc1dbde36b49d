"""The declared ports: free, or held by the process of ours that belongs there."""

import asyncio
from collections.abc import Iterator

from judgify.doctor.finding import Finding, fail, ok
from judgify.doctor.subject import Subject
from judgify.stack.plan import AGENTS
from judgify.stack.ports import is_free
from judgify.status.probe import ask_process
from runtime.port_owner import owner_of


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the port of each process: where the local stack put it, else where it is declared."""
    for name in AGENTS:
        yield _look_at(name, _find_port(name, subject), subject.settings.host)


def _find_port(name: str, subject: Subject) -> int:
    if subject.is_running and subject.uses_local_stack and subject.state is not None:
        seen = subject.state.processes.get(name)
        if seen is not None and seen.port is not None:
            return seen.port
    return subject.settings.port(name)


def _look_at(name: str, port: int, host: str) -> Finding:
    if port == 0:
        return ok(f"{name}: any free port")
    if is_free(port):
        return ok(f"{port} for {name} is free")
    status, _ = asyncio.run(ask_process(host, port))
    if status is not None and status.process == name:
        return ok(f"{port} is {name}'s, which answers")
    owner = f"{status.process}, another process of Judgify" if status else owner_of(port)
    variable = f"JUDGIFY_{name.upper().replace('-', '_')}_PORT"
    return fail(
        f"{port}, declared for {name}, is held by {owner}",
        f"stop that, or set {variable} to a free port",
    )
