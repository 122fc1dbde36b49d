"""Runs a command that dies with the process that started it: `leash.py OPTIONS -- COMMAND…`.

A script of its own, on the standard library alone: it starts in 40 ms, under any uid. On Linux the
kernel keeps the promise (PR_SET_PDEATHSIG survives `exec`, and is set after the uid was changed,
which would clear it). Elsewhere this process stays, as the command's parent, and watches its own.
The parent must start it from a thread that lives as long as itself: the kernel watches threads.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
WATCH_INTERVAL_S = 0.2
ORPHAN_GRACE_S = 3.0
"""How long a watched command may take to obey the death signal before it is killed."""
EXIT_ORPHANED = 125
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def main() -> int:
    """Drop privileges, tie the knot, become the command."""
    options = _parse(sys.argv[1:])
    if options.uid is not None:
        os.setgroups([])
        os.setgid(options.gid)
        os.setuid(options.uid)
    if options.watch or not sys.platform.startswith("linux"):
        return _watch(options)
    _die_with_parent(options.signal)
    if os.getppid() != options.parent:  # it died before the knot was tied
        return EXIT_ORPHANED
    command: list[str] = options.command
    return os.execvp(command[0], command)  # noqa: S606 -- no shell  # nosec B606 -- no shell


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="leash")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _die_with_parent(number: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _watch(options: argparse.Namespace) -> int:
    """Run the command as a child, hand signals on to it, and end it when our parent is gone."""
    child = subprocess.Popen(options.command)  # noqa: S603 -- the command is our caller's own

    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        child.send_signal(number)

    for number in FORWARDED:
        signal.signal(number, forward)
    while child.poll() is None:
        if os.getppid() != options.parent:
            _end(child, options.signal)
        time.sleep(WATCH_INTERVAL_S)
    return _as_exit_code(child.returncode)


def _end(child: subprocess.Popen[bytes], number: int) -> None:
    child.send_signal(number)
    try:
        child.wait(ORPHAN_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _as_exit_code(returncode: int) -> int:
    """Return what a shell would: 128 + N for a command that signal N ended."""
    return 128 - returncode if returncode < 0 else returncode


if __name__ == "__main__":
    sys.exit(main())
