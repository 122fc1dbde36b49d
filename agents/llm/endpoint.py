"""The endpoint that answers escalations: asked within a deadline, its outcome always a value.

What a model does not take (a temperature, a limit of tokens) is found out by asking once, and left
out from then on.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from agents.llm.dialects import DIALECTS, Api, Ask, read_answer
from agents.llm.outcome import Exchange, Failure, Reply
from agents.llm.statuses import explain_content, explain_status, find_refused_option
from runtime.setting_model import Settings
from schemas.errors import FatalError

if TYPE_CHECKING:
    from agents.llm.sdk import SdkClient

MODELS_MAX: Final = 10_000
NO_MODEL: Final = (
    "OPENAI_MODEL is not set and has no default: name a model that answers by a JSON schema, "
    "then try `judgify llm check`"
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the endpoint is asked."""

    model: str
    api: Api
    max_tokens: int
    temperature: float


class Endpoint:
    """One endpoint and one model, for any number of questions at a time."""

    def __init__(self, client: "SdkClient", manner: Manner) -> None:
        self._client = client
        self._manner = manner
        self._dialect = DIALECTS[manner.api]
        self._refused: frozenset[str] = frozenset()

    @property
    def model(self) -> str:
        return self._manner.model

    @property
    def refused(self) -> frozenset[str]:
        """Options that the model turned out not to take."""
        return self._refused

    async def ask(
        self, system: str, user: str, answer: type[BaseModel], left_s: float
    ) -> Reply | Failure:
        """Return what the model writes to `system` and `user`, its form enforced as `answer`'s.

        Takes at most `left_s`, up to three tries of one call timeout each. Raises nothing but its
        own cancellation, which ends the call at once.
        """
        from agents.llm.sdk import strict_schema  # noqa: PLC0415 -- the SDK takes 0.7 s to load

        manner = self._manner
        ask = Ask(
            manner.model, system, user, strict_schema(answer), manner.max_tokens, manner.temperature
        )
        started = time.perf_counter()
        outcome = await self._ask_until_taken(ask, started + left_s)
        return replace(outcome, latency_ms=(time.perf_counter() - started) * 1_000)

    async def list_models(self, left_s: float) -> tuple[str, ...] | Failure:
        """Return the models that the endpoint names: the cheapest sign that it is there."""
        exchange = await self._client.get("/models", left_s)
        if isinstance(exchange, Failure):
            return exchange
        found = self._check(exchange)
        if isinstance(found, Failure):
            return found
        models = found.get("data")
        return tuple(_names(models if isinstance(models, list) else ()))

    async def close(self) -> None:
        """Close every connection; calls under way must have ended."""
        await self._client.close()

    async def _ask_until_taken(self, ask: Ask, ends_at: float) -> Reply | Failure:
        """Ask, and again without what the model refuses; each round leaves out one option more."""
        tries = lost_tries = 0
        while True:
            sent = self._refused
            exchange = await self._client.post(
                self._dialect.path, self._dialect.body(ask, sent), ends_at - time.perf_counter()
            )
            tries += exchange.tries
            lost_tries += exchange.lost_tries
            if isinstance(exchange, Failure):
                return replace(exchange, tries=tries, lost_tries=lost_tries)
            option = self._find_refused(exchange, sent)
            if option is None:
                return replace(self._read(exchange, ask), tries=tries, lost_tries=lost_tries)
            self._refused |= {option}

    def _find_refused(self, exchange: Exchange, sent: frozenset[str]) -> str | None:
        open_options = [name for name in self._dialect.options if name not in sent]
        return find_refused_option(exchange, open_options)

    def _read(self, exchange: Exchange, ask: Ask) -> Reply | Failure:
        answer = self._check(exchange)
        return answer if isinstance(answer, Failure) else self._dialect.read(answer, ask)

    def _check(self, exchange: Exchange) -> dict[str, object] | Failure:
        """Return the JSON object that a good answer is."""
        if not 200 <= exchange.status < 300:
            return explain_status(exchange, self.model)
        return read_answer(exchange.content) or explain_content(exchange)


def open_endpoint(settings: Settings) -> Endpoint:
    """Return the endpoint of `settings`; nothing is sent yet. Close it when done.

    Raises:
        FatalError: no model is set.
    """
    from agents.llm.sdk import SdkClient  # noqa: PLC0415 -- as above
    from agents.llm.transport import open_transport  # noqa: PLC0415 -- as above

    if settings.openai_model is None:
        raise FatalError(NO_MODEL)
    key = settings.openai_api_key
    client = SdkClient(
        settings.openai_base_url,
        key.get_secret_value() if key else None,
        open_transport(settings.llm_concurrency),
        settings.llm_call_timeout_s,
    )
    manner = Manner(
        settings.openai_model, settings.llm_api, settings.llm_max_tokens, settings.llm_temperature
    )
    return Endpoint(client, manner)


def _names(models: Iterable[object]) -> list[str]:
    named = [model.get("id") for model in models if isinstance(model, dict)]
    return [name for name in named if isinstance(name, str)][:MODELS_MAX]
