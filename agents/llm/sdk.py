"""The OpenAI SDK, held at arm's length: it sends and tries again; nothing of it leaves this file.

`post` of the client is used and not `responses.parse`: the answer is judged from its bytes anyway,
and the SDK's models take most of the CPU of a call. Source: `make bench BENCH=llm`, openai 3.54,
one run on a busy machine: 2.9 ms this way, 4.6 by `responses.create`, 6.9 by `responses.parse`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError
from openai import pydantic_function_tool as as_strict_tool
from pydantic import BaseModel

from agents.llm.outcome import Exchange, Failure, FailureKind, fail
from agents.llm.transport import (
    BODY_BYTES_MAX,
    AnswerTooLarge,
    BoundedTransport,
    Call,
    begin_call,
)

RETRIES_MAX: Final = 2
"""The SDK's own, after the first try: jittered, and as late as Retry-After asks."""
SCHEMAS_MAX: Final = 256
"""Schemas kept: one per set of choices."""
NO_KEY: Final = "none"
"""What the SDK sends where no key is set: it does not start without one."""


@lru_cache(maxsize=SCHEMAS_MAX)
def strict_schema(answer: type[BaseModel]) -> Mapping[str, Any]:
    """Return the JSON Schema of `answer` in the strict form that endpoints enforce."""
    schema: Mapping[str, Any] = as_strict_tool(answer)["function"]["parameters"]
    return schema


class SdkClient:
    """One client for one endpoint; it owns `transport`."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        transport: httpx2.AsyncBaseTransport,
        try_timeout_s: float,
    ) -> None:
        self._base_url = base_url
        self._try_timeout_s = try_timeout_s
        # No proxy and no .netrc out of the environment: where the data goes is what the settings
        # say. A redirect is never followed. The transport alone keeps time.
        http_client = httpx2.AsyncClient(
            transport=BoundedTransport(transport, try_timeout_s),
            trust_env=False,
            follow_redirects=False,
            timeout=None,
        )
        self._client = AsyncOpenAI(
            api_key=api_key or NO_KEY,
            base_url=base_url,
            max_retries=RETRIES_MAX,
            timeout=None,
            http_client=http_client,
        )

    async def post(
        self, path: str, body: Mapping[str, object], left_s: float
    ) -> Exchange | Failure:
        """Return what the endpoint answers, of any status, within `left_s`; never raises."""
        return await self._exchange("POST", path, body, left_s)

    async def get(self, path: str, left_s: float) -> Exchange | Failure:
        """As `post`, without a body."""
        return await self._exchange("GET", path, None, left_s)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _exchange(
        self, method: str, path: str, body: Mapping[str, object] | None, left_s: float
    ) -> Exchange | Failure:
        if left_s <= 0:
            return fail("timeout", "no time was left to ask")
        with begin_call(left_s) as call:
            try:
                async with asyncio.timeout(left_s):
                    return await self._send(method, path, body, call)
            except TimeoutError:
                # Waiting for the next try: what the last one brought is the better reason.
                if call.trouble is not None:
                    return self._away(call.trouble, call)
                return call.answered or self._late(call, left_s)

    async def _send(
        self, method: str, path: str, body: Mapping[str, object] | None, call: Call
    ) -> Exchange | Failure:
        """Send it, up to three times, and return the last answer."""
        try:
            if method == "POST":
                await self._client.post(path, cast_to=httpx2.Response, body=body)
            else:
                await self._client.get(path, cast_to=httpx2.Response)
        except AnswerTooLarge:
            reason = f"the answer exceeds {BODY_BYTES_MAX:,} bytes; it was not read further"
            return _fail(call, "too_large", reason)
        except APITimeoutError:
            return self._late(call, self._try_timeout_s)
        except APIConnectionError as error:
            return self._away(error.__cause__ or error, call)
        except APIStatusError:
            pass
        except (OpenAIError, httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
            return self._away(error, call)
        return call.answered or _fail(call, "empty", "the endpoint answered nothing")

    def _late(self, call: Call, timeout_s: float) -> Failure:
        reason = f"no whole answer within {timeout_s:.3g} s, tried {call.tries} times"
        return _fail(call, "timeout", reason)

    def _away(self, error: BaseException, call: Call) -> Failure:
        what = f"{type(error).__name__} {error}".strip()
        reason = (
            f"{self._base_url} cannot be reached or broke off, tried {call.tries} times: {what}"
        )
        return _fail(call, "unreachable", reason)


def _fail(call: Call, kind: FailureKind, reason: str) -> Failure:
    return replace(fail(kind, reason, tries=call.tries), lost_tries=call.lost_tries)
