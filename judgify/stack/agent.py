"""An agent as a program of the stack: `judgify run NAME` as a child, asked at `/ready`."""

import ipaddress
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from judgify.stack.child import Command
from judgify.stack.http_ready import answers_ok
from judgify.stack.ports import HOST

STOP_MARGIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What all agents of a stack have in common."""

    data_dir: Path
    host: str
    shutdown_timeout_s: float
    environment: Mapping[str, str]


class Agent:
    """One of our processes; it keeps its state on the topics, none here."""

    stop_signal = signal.SIGTERM
    ready_timeout_s = 90.0

    def __init__(self, name: str, port: int, options: AgentOptions) -> None:
        self.name = name
        self.title = name
        self.port = port
        self.stop_timeout_s = options.shutdown_timeout_s + STOP_MARGIN_S
        self._host = reachable_host(options.host)
        self._log = options.data_dir / "logs" / f"{name}.log"
        self._environment = options.environment

    def prepare(self) -> None:
        self._log.parent.mkdir(exist_ok=True, mode=0o700)

    def command(self) -> Command:
        run = ("-m", "judgify", "run", self.name, "--port", str(self.port))
        return Command(
            name=self.name,
            argv=(sys.executable, *run),
            log=self._log,
            cwd=Path.cwd(),  # where `.env` and the settings files are
            death_signal=signal.SIGKILL,  # what is not acknowledged is read again
            environment=self._environment,
        )

    def is_ready(self) -> bool:
        return answers_ok(self._host, self.port, "/ready")


def reachable_host(host: str) -> str:
    """Return where one reaches what listens on `host`, which may stand for all addresses."""
    try:
        return HOST if ipaddress.ip_address(host).is_unspecified else host
    except ValueError:
        return host
