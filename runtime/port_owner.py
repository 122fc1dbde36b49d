"""Who holds a port: named in the message when we cannot listen on it."""

from typing import Final

import psutil

from runtime.masking import mask

COMMAND_CHARS_MAX: Final = 80


def owner_of(port: int) -> str:
    """Return who listens on `port`: `pid 4711 (java kafka.Kafka …)`."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.pid and connection.laddr[1:2] == (port,):
            return describe_process(connection.pid)
    return "a process of another user"


def describe_process(pid: int) -> str:
    """Return `pid` and the beginning of its command line, masked: arguments may hold secrets."""
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return f"pid {pid}"
    short = command if len(command) <= COMMAND_CHARS_MAX else f"{command[:COMMAND_CHARS_MAX]}…"
    return f"pid {pid} ({mask(short)})"
