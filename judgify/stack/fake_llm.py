"""The stand-in for an LLM, as a program of the stack: there when nobody set a key."""

import signal
import sys
from pathlib import Path
from typing import Final

from judgify.stack.child import Command
from judgify.stack.http_ready import answers_ok
from judgify.stack.ports import HOST
from runtime.setting_model import STAND_IN_MODEL
from runtime.settings import Settings

NAME: Final = "fake-llm"


class FakeLlm:
    """`judgify fake-llm` as a child; it keeps nothing."""

    name = NAME
    title = "fake-llm"
    stop_signal = signal.SIGTERM
    stop_timeout_s = 10.0
    ready_timeout_s = 30.0

    def __init__(self, data_dir: Path, port: int) -> None:
        self.port = port
        self._log = data_dir / "logs" / f"{NAME}.log"

    @property
    def base_url(self) -> str:
        """Return what OPENAI_BASE_URL must be to reach it."""
        return f"http://{HOST}:{self.port}/v1"

    def prepare(self) -> None:
        self._log.parent.mkdir(exist_ok=True, mode=0o700)

    def command(self) -> Command:
        return Command(
            name=self.name,
            argv=(sys.executable, "-m", "judgify", "fake-llm", "--port", str(self.port)),
            log=self._log,
            cwd=Path.cwd(),
            death_signal=signal.SIGKILL,
        )

    def is_ready(self) -> bool:
        return answers_ok(HOST, self.port, "/health")


def wants_stand_in(settings: Settings) -> bool:
    """Say whether the lane has no model to ask: no key, and no address but the default."""
    return (
        settings.enable_llm_engine
        and settings.env != "production"
        and settings.openai_api_key is None
        and settings.source("openai_base_url") == "default"
    )


def lead_to(base_url: str) -> dict[str, str]:
    """Return the variables that lead a process to the stand-in."""
    return {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": STAND_IN_MODEL,  # it asks for none; that one is set tells it is meant
        "OPENAI_MODEL": STAND_IN_MODEL,
    }
