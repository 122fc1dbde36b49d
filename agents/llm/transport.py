"""Calls that end: whatever the endpoint sends, in bounded time and bounded memory.

Stands below the SDK, so that each of its tries is bounded by itself. httpx bounds the wait for each
read, which a slow drip never exceeds; the deadline here is that of the whole answer. A body is read
up to a cap that counts decoded bytes. Of the headers only what we understand goes up to the SDK:
no cookie, no address to follow, no order to try again.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from typing_extensions import override

from agents.llm.outcome import Exchange
from runtime.masking import MASK

BODY_BYTES_MAX: Final = 1_048_576
"""Longest answer, decoded. A model's answer to us has some hundred bytes."""
RETRY_AFTER_S_MAX: Final = 86_400.0
BACKOFF_S_MIN: Final = 0.4
"""The SDK waits at least so long before it tries again."""
KEEPALIVE_S: Final = 30.0
KEY_BYTES_MIN: Final = 8
"""A shorter key is a word of those who need none, and may stand in any answer."""
_RETRIED: Final = frozenset({408, 409, 429})
"""Statuses below 500 after which the SDK tries again."""


class AnswerTooLarge(Exception):  # noqa: N818 -- a fact about the answer; it ends the tries
    """The answer exceeds BODY_BYTES_MAX; it was not read further."""


@dataclass(slots=True)
class Call:
    """One question and its tries."""

    ends_at: float
    """On the event loop's clock."""
    tries: int = 0
    lost_tries: int = 0
    """Of these, such as may have been answered, and nothing came of it."""
    answered: Exchange | None = None
    """What the last try brought; None while a try is on its way."""
    trouble: httpx2.TransportError | None = None
    """Why the last try brought nothing; None while a try is on its way."""

    def left_s(self) -> float:
        return self.ends_at - asyncio.get_running_loop().time()


_CALL: Final[ContextVar[Call]] = ContextVar("llm_call")


@contextmanager
def begin_call(left_s: float) -> Iterator[Call]:
    """Let what is sent inside belong to one question, which may take `left_s` in all."""
    call = Call(asyncio.get_running_loop().time() + left_s)
    token = _CALL.set(call)
    try:
        yield call
    finally:
        _CALL.reset(token)


def open_transport(connections: int) -> httpx2.AsyncBaseTransport:
    """Return a pool of so many connections. It honours SSL_CERT_FILE, and no proxy."""
    limits = httpx2.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=KEEPALIVE_S,
    )
    return httpx2.AsyncHTTPTransport(limits=limits)


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Sends each try within its deadline and reads its whole answer below the cap."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, try_timeout_s: float) -> None:
        self._inner = inner
        self._try_timeout_s = try_timeout_s

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        call = _CALL.get()
        call.tries += 1
        call.lost_tries += 1  # until it is known better
        call.answered = call.trouble = None
        request.headers["accept-encoding"] = "identity"
        try:
            async with asyncio.timeout(min(self._try_timeout_s, max(0.0, call.left_s()))):
                response = await self._inner.handle_async_request(request)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx2.ReadTimeout("no whole answer in time", request=request) from error
        except httpx2.ConnectError as error:
            call.lost_tries -= 1
            call.trouble = error
            raise
        except httpx2.TransportError as error:
            call.trouble = error
            raise
        call.lost_tries -= 1
        if not response.is_success:
            content = _without_key(content, request)
        retry_after_s = _retry_after(response.headers)
        content_type = response.headers.get("content-type", "")
        call.answered = Exchange(
            response.status_code,
            content,
            content_type,
            retry_after_s,
            call.tries,
            call.lost_tries,
        )
        return httpx2.Response(
            response.status_code,
            headers=_orders(call.answered, call.left_s()),
            content=content,
        )

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


async def _read(response: httpx2.Response) -> bytes:
    """Return the decoded body.

    Raises:
        AnswerTooLarge: it is longer than BODY_BYTES_MAX. httpx decodes in pieces of 1 MiB, so that
            no more than two of them are ever held.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise AnswerTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _without_key(content: bytes, request: httpx2.Request) -> bytes:
    """Return the answer without our key: servers quote what they refuse, and reasons quote them."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    return content if len(key) < KEY_BYTES_MIN else content.replace(key, MASK.encode())


def _orders(answered: Exchange, left_s: float) -> dict[str, str]:
    """Return the headers by which the SDK decides whether and when to try again."""
    headers = {"content-type": "application/json"}
    if answered.status not in _RETRIED and answered.status < 500:
        return headers
    wait_s = answered.retry_after_s or 0.0
    if max(wait_s, BACKOFF_S_MIN) >= left_s or b'"insufficient_quota"' in answered.content:
        headers["x-should-retry"] = "false"
    elif wait_s:
        headers["retry-after-ms"] = str(wait_s * 1000)
    return headers


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds that the endpoint wants to be left alone, 0 to RETRY_AFTER_S_MAX."""
    for name, per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait_s = float(headers.get(name, "")) / per_second
        except ValueError:
            continue
        if 0 <= wait_s <= RETRY_AFTER_S_MAX:
            return wait_s
    return _retry_date(headers)


def _retry_date(headers: httpx2.Headers) -> float | None:
    """Return the seconds from the answer's own `Date` to the date in `Retry-After`."""
    try:
        later = parsedate_to_datetime(headers.get("retry-after", ""))
        wait_s = (later - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return wait_s if 0 <= wait_s <= RETRY_AFTER_S_MAX else None
