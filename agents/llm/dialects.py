"""The two protocols of endpoints, as data: what is asked, and where in the answer the reply stands.

Pure. What comes back is read by hand and never by the SDK's models: whatever it is, it ends as a
reply or a failure. What the text says is judged elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import orjson

from agents.llm.outcome import Failure, Reply, Usage, fail, quote, read_usage

if TYPE_CHECKING:
    # Loading the SDK takes three quarters of a second; its types check what we send.
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

Api = Literal["responses", "chat"]
SCHEMA_NAME: Final = "answer"
_CUT: Final = ("length", "max_output_tokens", "max_tokens")
"""Why a model stopped too early. No set: what an endpoint gives as its reason may be a list."""
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")


class Ask(NamedTuple):
    """A question to a model."""

    model: str
    system: str
    user: str
    schema: Mapping[str, Any]
    """JSON Schema, strict, that the reply must keep."""
    max_tokens: int
    temperature: float

    @property
    def size_bytes(self) -> int:
        return len(self.system.encode()) + len(self.user.encode())


class Dialect(Protocol):
    """How one protocol asks and answers."""

    @property
    def path(self) -> str: ...

    @property
    def options(self) -> tuple[str, ...]:
        """Parameters that some models and servers refuse; a question is as good without them."""
        ...

    def body(self, ask: Ask, refused: frozenset[str]) -> Mapping[str, object]:
        """Return the body of the request, without the options in `refused`."""
        ...

    def read(self, answer: Mapping[str, Any], ask: Ask) -> Reply | Failure:
        """Return the reply in an `answer` of status 200; latency and tries are not known here."""
        ...


@dataclass(frozen=True, slots=True)
class Responses:
    """`POST /responses`."""

    path: str = "/responses"
    options: tuple[str, ...] = ("temperature", "max_output_tokens", "store")

    def body(self, ask: Ask, refused: frozenset[str]) -> "ResponseCreateParamsNonStreaming":
        body: ResponseCreateParamsNonStreaming = {
            "model": ask.model,
            "input": [
                {"role": "system", "content": ask.system},
                {"role": "user", "content": ask.user},
            ],
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": SCHEMA_NAME,
                    "schema": dict(ask.schema),
                    "strict": True,
                }
            },
        }
        # A provider keeps nothing of it; who does not know the word has nowhere to keep it.
        if "store" not in refused:
            body["store"] = False
        if "temperature" not in refused:
            body["temperature"] = ask.temperature
        if "max_output_tokens" not in refused:
            body["max_output_tokens"] = ask.max_tokens
        return body

    def read(self, answer: Mapping[str, Any], ask: Ask) -> Reply | Failure:
        contents = [
            content
            for item in _dicts(answer.get("output"))
            if item.get("type") == "message"
            for content in _dicts(item.get("content"))
        ]
        text = "".join(
            content["text"]
            for content in contents
            if content.get("type") == "output_text" and isinstance(content.get("text"), str)
        )
        usage = read_usage(
            answer.get("usage"),
            ("input_tokens", "output_tokens"),
            (ask.size_bytes, len(text.encode())),
        )
        refusals = [content.get("refusal") for content in contents if content.get("refusal")]
        details = answer.get("incomplete_details")
        cut = details.get("reason") if isinstance(details, dict) else None
        if answer.get("status") == "failed":
            return _charged(
                fail("server_error", f"the endpoint failed{_error_said(answer)}"), usage
            )
        end = cut if answer.get("status") == "incomplete" or cut else None
        return _conclude(_Heard(text, refusals, end), usage, answer, ask)


@dataclass(frozen=True, slots=True)
class Chat:
    """`POST /chat/completions`, which every compatible server knows."""

    path: str = "/chat/completions"
    options: tuple[str, ...] = ("temperature", "max_tokens", "max_completion_tokens", "store")

    def body(self, ask: Ask, refused: frozenset[str]) -> "CompletionCreateParamsNonStreaming":
        body: CompletionCreateParamsNonStreaming = {
            "model": ask.model,
            "messages": [
                {"role": "system", "content": ask.system},
                {"role": "user", "content": ask.user},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": SCHEMA_NAME, "schema": dict(ask.schema), "strict": True},
            },
        }
        # A provider keeps nothing of it; who does not know the word has nowhere to keep it.
        if "store" not in refused:
            body["store"] = False
        if "temperature" not in refused:
            body["temperature"] = ask.temperature
        if "max_tokens" not in refused:
            body["max_tokens"] = ask.max_tokens
        elif "max_completion_tokens" not in refused:
            body["max_completion_tokens"] = ask.max_tokens
        return body

    def read(self, answer: Mapping[str, Any], ask: Ask) -> Reply | Failure:
        choice: Mapping[str, Any] = next(iter(_dicts(answer.get("choices"))), {})
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        text = message.get("content")
        text = text if isinstance(text, str) else ""
        usage = read_usage(
            answer.get("usage"),
            ("prompt_tokens", "completion_tokens"),
            (ask.size_bytes, len(text.encode())),
        )
        refusals = [message["refusal"]] if message.get("refusal") else []
        return _conclude(_Heard(text, refusals, choice.get("finish_reason")), usage, answer, ask)


DIALECTS: Final[Mapping[Api, Dialect]] = {"responses": Responses(), "chat": Chat()}


class _Heard(NamedTuple):
    """What an answer holds."""

    text: str
    refusals: list[Any]
    end: Any
    """Why the model stopped, where that is worth a word."""


def read_answer(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `content`; None when it is none."""
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _conclude(heard: _Heard, usage: Usage, answer: Mapping[str, Any], ask: Ask) -> Reply | Failure:
    if heard.refusals:
        return _charged(fail("refused", f"the model refused{quote(heard.refusals[0])}"), usage)
    if heard.end == "content_filter":
        return _charged(fail("refused", "the endpoint's content filter held the reply back"), usage)
    if heard.end in _CUT:
        reason = f"the reply was cut at {ask.max_tokens} tokens: raise JUDGIFY_LLM_MAX_TOKENS"
        return _charged(fail("incomplete", reason), usage)
    if isinstance(answer.get("error"), dict):
        return _charged(fail("server_error", f"the endpoint failed{_error_said(answer)}"), usage)
    if not heard.text.strip():
        return _charged(fail("empty", "the answer holds no reply"), usage)
    name = answer.get("model")
    if not (isinstance(name, str) and MODEL_NAME.fullmatch(name)):
        name = ask.model
    return Reply(heard.text, usage, name, latency_ms=0.0, tries=0)


def _charged(failure: Failure, usage: Usage) -> Failure:
    """Return `failure` with what it cost; an estimate is none: nobody knows what was generated."""
    return failure if usage.estimated else Failure(failure.kind, failure.reason, usage=usage)


def _error_said(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    return quote(error.get("message") if isinstance(error, dict) else None)


def _dicts(values: Any) -> list[dict[str, Any]]:
    """Return the objects in a JSON array; none when `values` is no array."""
    return (
        [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    )
