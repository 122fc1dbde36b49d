"""Asking now and then whether the endpoint is there: what `dependency_up{name="llm"}` shows."""

import asyncio
from typing import Final

from agents.llm.endpoint import Endpoint
from agents.llm.outcome import Failure
from runtime.logs import get_logger
from runtime.metrics import DEPENDENCY_UP

INTERVAL_S: Final = 60.0
TIMEOUT_S: Final = 10.0

log = get_logger(__name__)


class Probe:
    """Asks for the list of models: it costs nothing."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._up = DEPENDENCY_UP.labels("llm")
        self.failure: str | None = None
        """Why it did not answer last; None: it did, or has not been asked yet."""

    async def run(self) -> None:
        """Ask for ever; no failure ends it."""
        while True:
            await self.ask()
            await asyncio.sleep(INTERVAL_S)

    async def ask(self) -> None:
        """Ask once."""
        found = await self._endpoint.list_models(TIMEOUT_S)
        failure = found.reason if isinstance(found, Failure) else None
        if (failure is None) != (self.failure is None):
            log.warning("llm_endpoint_changed", up=failure is None, reason=failure)
        self.failure = failure
        self._up.set(failure is None)
