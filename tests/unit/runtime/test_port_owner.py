"""Who holds a port, in words that hold no secret."""

import os
import socket
import subprocess
import sys

from runtime.port_owner import describe_process, owner_of


def test_the_owner_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert owner_of(listener.getsockname()[1]).startswith(f"pid {os.getpid()} (")


def test_a_process_that_is_gone_is_still_described() -> None:
    assert describe_process(2**22 + 1) == f"pid {2**22 + 1}"


def test_a_password_on_a_command_line_is_masked() -> None:
    words = [sys.executable, "-c", "input(1)", "postgresql://judgify:hunter2@db/judgify"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)  # it runs: while it is being loaded, it has no command line yet
        told = describe_process(process.pid)
        process.communicate()

    assert "postgresql://" in told
    assert "hunter2" not in told
