"""Name and end what a run left behind: `left_behind.py DIRECTORY`; exits 1 if there was anything.

A process belongs to the run when it has the run's own DIRECTORY as TMPDIR, as its working
directory, or in its command line; that holds for grandchildren whose parents are long gone, and for
no other process of the machine.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

import psutil

GRACE_S: Final = 5.0
"""How long the last process may take to end by itself."""


def find_processes(directory: str) -> list[psutil.Process]:
    """Return the processes of the run at `directory`, without this one and its parents."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in own and _belongs(process, directory)
    ]


def _belongs(process: psutil.Process, directory: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if any(directory in argument for argument in process.cmdline()):
            return True
        if process.environ().get("TMPDIR") == directory:
            return True
        return Path(process.cwd()).is_relative_to(directory)
    except (psutil.Error, OSError):
        return False  # it ended meanwhile, or belongs to somebody else


def _describe(process: psutil.Process) -> str:
    try:
        ports = {
            f"{connection.laddr.ip}:{connection.laddr.port}"
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        listening = f" listening on {', '.join(sorted(ports))}" if ports else ""
        return f"{process.pid} {' '.join(process.cmdline())[:160]}{listening}"
    except psutil.Error:
        return str(process.pid)


def main(directory: str) -> int:
    """Wait `GRACE_S`, then name and kill what is still there."""
    deadline_s = time.monotonic() + GRACE_S
    while (left := find_processes(directory)) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    for process in left:
        print(f"left behind: {_describe(process)}")
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
