"""The LLM: a model is named and its endpoint answers; no question is asked, so it costs nothing."""

import asyncio
from collections.abc import Iterator
from typing import Final

from agents.llm.endpoint import NO_MODEL, open_endpoint
from agents.llm.outcome import Failure
from judgify.doctor.finding import Finding, fail, ok, skip, warn
from judgify.doctor.subject import Subject
from judgify.stack.fake_llm import wants_stand_in
from runtime.setting_model import STAND_IN_MODEL, Settings

TIMEOUT_S: Final = 3.0
REFUSED: Final = frozenset({"auth", "quota"})
"""Failures that do not pass by themselves."""
SILENT: Final = frozenset({"bad_request", "not_json"})
"""It answers, and has no list of models: many servers of one's own have none."""


def look(subject: Subject) -> Iterator[Finding]:
    """Ask the endpoint for its list of models."""
    settings = subject.settings
    if not settings.enable_llm_engine:
        yield skip("switched off: ENABLE_LLM_ENGINE=false")
    elif wants_stand_in(settings):
        yield ok("no key is set: `judgify up` starts a stand-in, which is no model")
    elif settings.env == "production" and settings.openai_api_key is None:
        yield fail("no key while ENV=production", "set OPENAI_API_KEY, or ENABLE_LLM_ENGINE=false")
    elif settings.openai_model is None:
        fact, _, advice = NO_MODEL.partition(": ")
        yield fail(fact, advice)
    else:
        yield _judge(settings, asyncio.run(_list_models(settings)))


async def _list_models(settings: Settings) -> tuple[str, ...] | Failure:
    endpoint = open_endpoint(settings)
    try:
        return await endpoint.list_models(TIMEOUT_S)
    finally:
        await endpoint.close()


def _judge(settings: Settings, models: tuple[str, ...] | Failure) -> Finding:
    model, url = settings.openai_model, settings.openai_base_url
    if isinstance(models, Failure):
        if models.kind in SILENT:
            return warn(f"{url} does not list its models: {models.reason}", "`judgify llm check`")
        told = f"{url}: {models.reason}"
        advice = "`judgify llm check`; until then the rules judge alone"
        return fail(told, advice) if models.kind in REFUSED else warn(told, advice)
    if model == STAND_IN_MODEL:
        return ok(f"{model} answers at {url}: a stand-in, no model")
    if models and model not in models:
        return warn(f"{url} does not name {model} among its models", "correct OPENAI_MODEL")
    return ok(f"{model} at {url}")
