"""Answers in the words of each protocol, made of the SDK's own models: its wire format is ours."""

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from openai.types import CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from judgify.fake_llm.asked import Asked, Misuse, count_tokens
from judgify.fake_llm.fate import draw
from judgify.fake_llm.replies import Told
from runtime.setting_model import STAND_IN_MODEL

CREATED_AT: Final = 1_700_000_000
"""Always: equal questions have equal answers."""
METADATA: Final = {"stand_in": "true", "note": "judgify fake-llm: no model has looked at this"}
DIMENSIONS: Final = (256, 3_072)
"""Of an embedding: by default, and at most."""
INPUTS_MAX: Final = 2_048


def as_response(told: Told, asked: Asked) -> bytes:
    """Return `told` as the body of an answer to `POST /responses`."""
    content = {"type": "output_text", "text": told.text, "annotations": []}
    if told.end == "refusal":
        content = {"type": "refusal", "refusal": told.text}
    cut = told.end == "length"
    message = {
        "type": "message",
        "id": f"msg_{_name(asked)}",
        "role": "assistant",
        "status": "incomplete" if cut else "completed",
        "content": [content],
    }
    answer = {
        "id": f"resp_{_name(asked)}",
        "object": "response",
        "created_at": CREATED_AT,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "model": STAND_IN_MODEL,
        "output": [] if told.end == "none" else [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": METADATA,
        "usage": {
            "input_tokens": asked.sizes.tokens_in,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": told.tokens_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.sizes.tokens_in + told.tokens_out,
        },
    }
    return _encode(Response, answer)


def as_completion(told: Told, asked: Asked) -> bytes:
    """Return `told` as the body of an answer to `POST /chat/completions`."""
    refused = told.end == "refusal"
    choice = {
        "index": 0,
        "finish_reason": "length" if told.end == "length" else "stop",
        "logprobs": None,
        "message": {
            "role": "assistant",
            "content": None if refused else told.text,
            "refusal": told.text if refused else None,
        },
    }
    answer = {
        "id": f"chatcmpl-{_name(asked)}",
        "object": "chat.completion",
        "created": CREATED_AT,
        "model": STAND_IN_MODEL,
        "system_fingerprint": STAND_IN_MODEL,
        "metadata": METADATA,
        "choices": [] if told.end == "none" else [choice],
        "usage": {
            "prompt_tokens": asked.sizes.tokens_in,
            "completion_tokens": told.tokens_out,
            "total_tokens": asked.sizes.tokens_in + told.tokens_out,
        },
    }
    return _encode(ChatCompletion, answer)


def as_embeddings(body: Mapping[str, Any]) -> bytes:
    """Return vectors of length 1 for the texts in `body`; near texts are not near here."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= INPUTS_MAX:
        raise Misuse(f"'input' must be a text or 1 to {INPUTS_MAX:,} of them.", "input")
    size = body.get("dimensions", DIMENSIONS[0])
    if type(size) is not int or not 0 < size <= DIMENSIONS[1]:
        raise Misuse(f"'dimensions' must be 1 to {DIMENSIONS[1]:,}.", "dimensions")
    as_text = body.get("encoding_format") == "base64"
    tokens = sum(count_tokens(str(text)) for text in texts)
    data = []
    for index, text in enumerate(texts):
        vector = _embed(str(text), size)
        packed = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode() if as_text else vector
        data.append({"object": "embedding", "index": index, "embedding": packed})
    answer = {
        "object": "list",
        "model": STAND_IN_MODEL,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    # The SDK's model knows lists of numbers alone; its client asks for base64 all the same.
    return _encode(CreateEmbeddingResponse, answer, checked=not as_text)


def as_models() -> bytes:
    """Return the one model there is."""
    model = {"id": STAND_IN_MODEL, "object": "model", "created": CREATED_AT, "owned_by": "judgify"}
    return b'{"object":"list","data":[' + _encode(Model, model) + b"]}"


def _embed(text: str, size: int) -> Sequence[float]:
    vector = [draw(text, index) - 0.5 for index in range(size)]
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]


def _encode(model: type[BaseModel], answer: Mapping[str, Any], *, checked: bool = True) -> bytes:
    body = model.model_validate(answer) if checked else model.model_construct(**answer)
    return body.model_dump_json(exclude_unset=True, warnings=checked).encode()


def _name(asked: Asked) -> str:
    return asked.identity[:24]
