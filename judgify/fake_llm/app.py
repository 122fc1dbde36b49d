"""The stand-in's HTTP face: the protocol's paths, and two of its own for who steers it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from judgify.fake_llm.answer_key import AnswerKey, load_answer_key
from judgify.fake_llm.asked import (
    Asked,
    Misuse,
    check_refused,
    parse_object,
    read_chat,
    read_responses,
)
from judgify.fake_llm.bodies import as_completion, as_embeddings, as_models, as_response
from judgify.fake_llm.fate import find_fault, latency_s
from judgify.fake_llm.record import Record
from judgify.fake_llm.refusals import Refusal, refuse
from judgify.fake_llm.replies import Told, make_reply
from judgify.fake_llm.script import Script, parse_script
from judgify.fake_llm.wire import break_wire
from schemas.errors import FatalError

BODY_BYTES_MAX: Final = 1_048_576
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})

Answer = Callable[[Request], Awaitable[Response]]


class StandIn:
    """One stand-in: its script, its file of answers, and what it was asked."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._key: AnswerKey | None = load_answer_key(script.answers) if script.answers else None
        self._record = Record()

    def routes(self) -> list[Route]:
        return [
            Route("/health", _answer_health),
            Route("/v1/models", _answer_models),
            Route("/v1/embeddings", self._embed, methods=["POST"]),
            Route("/v1/responses", self._converse(read_responses, as_response), methods=["POST"]),
            Route(
                "/v1/chat/completions", self._converse(read_chat, as_completion), methods=["POST"]
            ),
            Route("/v1/_script", _for_loopback(self._take_script), methods=["POST"]),
            Route("/v1/_calls", _for_loopback(self._show_calls)),
        ]

    def _converse(
        self, read: Callable[[dict[str, Any]], Asked], write: Callable[[Told, Asked], bytes]
    ) -> Answer:
        async def answer(request: Request) -> Response:
            raw = await _read_body(request)
            with self._record.count(request.url.path) as number:
                body = parse_object(raw)
                self._record.keep(request.url.path, raw, body)
                check_refused(body, self._script.refuses)
                return await self._reply(request, number, read(body), write)

        return answer

    async def _reply(
        self, request: Request, number: int, asked: Asked, write: Callable[[Told, Asked], bytes]
    ) -> Response:
        script = self._script
        fault = find_fault(script, number)
        await asyncio.sleep(latency_s(script, number))
        told = make_reply(asked, self._key, obey=script.obey, fault=fault.kind if fault else None)
        good = write(told, asked)
        broken = None
        if fault is not None:
            self._record.count_fault(fault.kind)
            broken = await break_wire(fault, request, good)
        return broken or Response(good, media_type="application/json")

    async def _embed(self, request: Request) -> Response:
        body = parse_object(await _read_body(request))
        return Response(as_embeddings(body), media_type="application/json")

    async def _take_script(self, request: Request) -> Response:
        """Put another script in force; the file of answers stays."""
        try:
            script = parse_script(await _read_body(request), "script")
        except FatalError as error:
            return refuse(400, Refusal(str(error)))
        if script.answers is not None:
            return refuse(400, Refusal("answers are read at start only: use --script"))
        self._script = script
        self._record = Record()
        return Response(b'{"taken":true}', media_type="application/json")

    async def _show_calls(self, _: Request) -> Response:
        return Response(orjson.dumps(self._record.show()), media_type="application/json")


def make_app(script: Script) -> Starlette:
    """Return the stand-in as an ASGI application.

    Raises:
        FatalError: the script's file of answers cannot be used.
    """
    handlers: dict[Any, Any] = {
        Misuse: _answer_misuse,
        ClientDisconnect: _answer_nobody,
        404: _answer_unknown,
        405: _answer_unknown,
    }
    return Starlette(routes=StandIn(script).routes(), exception_handlers=handlers)


async def _read_body(request: Request) -> bytes:
    """Return the body, bounded."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Misuse(f"The body exceeds {BODY_BYTES_MAX:,} bytes.")
    return bytes(raw)


def _for_loopback(answer: Answer) -> Answer:
    async def guarded(request: Request) -> Response:
        if request.client is None or request.client.host not in LOOPBACK:
            return refuse(403, Refusal("only callers on this machine may steer a stand-in"))
        return await answer(request)

    return guarded


async def _answer_health(_: Request) -> Response:
    return Response(b'{"status":"healthy","stand_in":true}', media_type="application/json")


async def _answer_models(_: Request) -> Response:
    return Response(as_models(), media_type="application/json")


async def _answer_misuse(_: Request, misuse: Misuse) -> Response:
    return refuse(400, Refusal(misuse.message, param=misuse.param))


async def _answer_nobody(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=499)


async def _answer_unknown(request: Request, _: Exception) -> Response:
    return refuse(404, Refusal(f"there is no {request.method} {request.url.path} here"))
