"""What a request asks, out of either protocol; what is not understood is refused in its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson


class Misuse(Exception):  # noqa: N818 -- an answer to the caller, not an error of ours
    """The request is not as the protocol has it: becomes a 400."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Sizes(NamedTuple):
    """Lengths as tokens are counted here."""

    tokens_in: int
    tokens_out_max: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, whichever protocol it came by."""

    user: str
    """All that users said, one after the other."""
    schema: Mapping[str, Any] | None
    sizes: Sizes
    identity: str
    """Equal for equal questions; 64 hex digits."""


def count_tokens(text: str) -> int:
    """Return how many tokens `text` is taken for: a third of its bytes, rounded up."""
    return -(-len(text.encode()) // 3)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Misuse(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise Misuse("The body must be a JSON object.")
    return body


def read_responses(body: Mapping[str, Any]) -> Asked:
    """Return what a body of `POST /responses` asks."""
    asked = body.get("input")
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    form = _member(_member(body, "text"), "format")
    schema = form.get("schema") if form.get("type") == "json_schema" else None
    if isinstance(body.get("instructions"), str):
        messages = [{"role": "system", "content": body["instructions"]}, *(messages or ())]
    return _read(body, messages, schema, ("input", "max_output_tokens"))


def read_chat(body: Mapping[str, Any]) -> Asked:
    """Return what a body of `POST /chat/completions` asks."""
    form = _member(body, "response_format")
    schema = None
    if form.get("type") == "json_schema":
        schema = _member(form, "json_schema").get("schema")
    limit = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
    return _read(body, body.get("messages"), schema, ("messages", limit))


def _read(body: Mapping[str, Any], messages: Any, schema: Any, names: tuple[str, str]) -> Asked:
    if not isinstance(body.get("model"), str):
        raise Misuse("you must provide a model parameter", "model")
    if body.get("stream"):
        raise Misuse("This stand-in does not stream.", "stream")
    if not isinstance(messages, list) or not messages:
        raise Misuse(f"Missing required parameter: '{names[0]}'.", names[0])
    if schema is not None and not isinstance(schema, dict):
        raise Misuse("Invalid schema: it must be an object.", "schema")
    said = [_said(message, names[0]) for message in messages]
    limit = body.get(names[1])
    tokens_in = sum(count_tokens(text) for _, text in said)
    return Asked(
        user="\n".join(text for role, text in said if role == "user"),
        schema=schema,
        sizes=Sizes(tokens_in, limit if isinstance(limit, int) else None),
        identity=sha256(orjson.dumps([said, schema], option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def _said(message: Any, param: str) -> tuple[str, str]:
    """Return role and text of a message; parts that are no text say nothing to a stand-in."""
    if not isinstance(message, dict):
        raise Misuse(f"Invalid type for '{param}': each must be an object.", param)
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    return str(message.get("role")), content if isinstance(content, str) else ""


def _member(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


REFUSABLE: Final[Mapping[str, tuple[str, ...]]] = {"schema": ("text", "response_format")}


def check_refused(body: Mapping[str, Any], refuses: list[Any]) -> None:
    """Refuse, as a real model does, the parameters that the script's does not take."""
    for word in refuses:
        names = [name for name in REFUSABLE.get(word, (word,)) if name in body]
        if word == "schema" and names:
            param = "text.format" if names[0] == "text" else names[0]
            message = f"Invalid parameter: '{param}' of type 'json_schema' is not supported here."
            raise Misuse(message, param)
        if names:
            other = "max_completion_tokens" if word == "max_tokens" else ""
            instead = f" Use '{other}' instead." if other else ""
            message = f"Unsupported parameter: '{word}' is not supported with this model.{instead}"
            raise Misuse(message, word)
