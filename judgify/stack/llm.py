"""Which LLM the agents of a stack ask: the configured one, a stand-in, or none, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from judgify.stack.fake_llm import lead_to
from runtime.setting_model import STAND_IN_MODEL, Settings

OFF: Final[Mapping[str, str]] = {"ENABLE_LLM_ENGINE": "false"}


@dataclass(frozen=True, slots=True)
class LlmChoice:
    """The LLM of a stack."""

    said: str
    """For people."""
    environment: Mapping[str, str]
    """What every agent is told besides our own environment."""


def choose_llm(settings: Settings, stand_in_url: str | None) -> LlmChoice:
    """Return whom the agents ask; `stand_in_url` is the stand-in's, where one is started.

    Without a model, the lane is switched off for all of them: were rule-agent to escalate, those
    requests would wait for somebody who cannot start.
    """
    if not settings.enable_llm_engine:
        return LlmChoice("none: ENABLE_LLM_ENGINE=false", {})
    if stand_in_url is not None:
        said = f"{STAND_IN_MODEL} at {stand_in_url} (a stand-in, no model: set OPENAI_API_KEY)"
        return LlmChoice(said, lead_to(stand_in_url))
    if settings.openai_model is None:
        given = "OPENAI_API_KEY" if settings.openai_api_key else "OPENAI_BASE_URL"
        said = (
            f"none: {given} is set and OPENAI_MODEL is not; name a model and start again, or leave "
            "what the rules cannot decide undetermined"
        )
        return LlmChoice(said, OFF)
    return LlmChoice(f"{settings.openai_model} at {settings.openai_base_url}", {})
