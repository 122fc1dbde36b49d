"""The ground of the part `llm`: a stand-in for the endpoint, a Valkey, and the lane's settings."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil

from bench.cores import staying_on
from bench.running import Ground, Running, start
from runtime.setting_model import STAND_IN_MODEL
from tests.support.own_valkey import OwnValkey
from tests.support.stand_in_llm import StandInLlm, run_stand_in_llm

ROOMY: Final = {
    f"JUDGIFY_LLM_{scope}{limit}": most
    for scope in ("", "TENANT_")
    for limit, most in (
        ("REQUESTS_PER_MINUTE", "1000000000"),
        ("TOKENS_PER_MINUTE", "1000000000"),
        ("USD_PER_DAY", "1000000"),
    )
}
"""Limits that are counted and never reached."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the lane asks."""

    stand_in: StandInLlm
    valkey: OwnValkey

    def settings(self, *, redis: bool = True, **more: str) -> Mapping[str, str]:
        """Return the lane's settings as an environment; `more` are others, by their names."""
        return {
            "ENABLE_LLM_ENGINE": "true",
            "OPENAI_API_KEY": "none-is-asked-for",
            "OPENAI_BASE_URL": self.stand_in.base_url,
            "OPENAI_MODEL": STAND_IN_MODEL,
            "REDIS_URL": self.valkey.url,
            "REDIS_ENABLED": "true" if redis else "false",
            **ROOMY,
            **more,
        }

    def processes(self) -> Sequence[psutil.Process]:
        """Return what is no noise."""
        return [psutil.Process(pid) for pid in (self.stand_in.process.pid, self.valkey.pid)]


@contextmanager
def open_surroundings(core: int | None) -> Iterator[Surroundings]:
    """Yield a stand-in and an empty Valkey of our own, both on `core`."""
    with staying_on(core), run_stand_in_llm() as stand_in, OwnValkey() as valkey:
        yield Surroundings(stand_in, valkey)


def start_agent(
    ground: Ground, agent: str, run: str, core: int | None, settings: Mapping[str, str]
) -> Running:
    """Start one of our agents for `run`."""
    command = [sys.executable, "-m", "judgify", "run", agent, "--port", "0"]
    return start(ground, f"{run}-{agent}", command, core, settings)
