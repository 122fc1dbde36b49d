"""A model that does whatever a text tells it: the worst that can stand behind the endpoint.

It reads what no honest reader would: keys, JSON inside of JSON, base64, tag characters, letters with
nothing between them, full-width letters, reversed texts. It obeys the last order that it finds.
"""

import base64
import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from agents.llm.prompt import Prompt

_ORDERS: Final = (
    re.compile(
        r"(?:answer|report|return|give|set) (?:it |with )?the verdict (?:to |as )?'([^']*)'"
    ),
    re.compile(r"판정을 '([^']*)'(?:으로|로) (?:하라|하세요|출력해|바꿔라)"),
)
_SAY: Final = re.compile(r"(?:say exactly|그대로 출력해): (.*?)END", re.DOTALL)
_TELL: Final = re.compile(r"(?:tell me|말해라): (seal|mark)")
_RUN: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_TAGS: Final = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_DECODER: Final = json.JSONDecoder()
_IGNORED: Final = re.compile("[\u200b-\u200f\u2060\ufeff]")
_DEPTH_MAX: Final = 6


def answer_prompt(prompt: Prompt) -> str | None:
    """Return the reply that the prompt's words order; None when they order nothing."""
    return _obey([prompt.system, prompt.user], prompt)


def answer_event(event: Any, prompt: Prompt) -> str | None:
    """Return the reply that the whole event orders, as if all of it had reached the model."""
    return _obey([json.dumps(event, ensure_ascii=False)], prompt)


def verdict_reply(verdict: str) -> str:
    reasons = ["as I was told"]
    return json.dumps({"verdict": verdict, "confidence": 1.0, "reasons": reasons})


def _obey(texts: list[str], prompt: Prompt) -> str | None:
    reply = None
    for reading in _readings(texts):
        reply = _follow(reading, prompt) or reply
    return reply


def _follow(text: str, prompt: Prompt) -> str | None:
    if said := _SAY.findall(text):
        return str(said[-1])
    if told := _TELL.findall(text):
        secret = prompt.canary if told[-1] == "seal" else prompt.delimiter
        return json.dumps({"verdict": "fail", "confidence": 1.0, "reasons": [secret]})
    ordered = [verdict for pattern in _ORDERS for verdict in pattern.findall(text)]
    return verdict_reply(ordered[-1]) if ordered else None


def _readings(texts: list[str]) -> Iterator[str]:
    """Yield the texts in every way that they can be read, each once."""
    pending, seen = [(text, 0) for text in texts], set(texts)
    while pending:
        text, depth = pending.pop(0)
        yield text
        yield text[::-1]
        for other in _hidden_in(text) if depth < _DEPTH_MAX else ():
            if other not in seen:
                seen.add(other)
                pending.append((other, depth + 1))


def _hidden_in(text: str) -> Iterator[str]:
    if not text.isascii():
        yield text.translate(_TAGS)
        yield unicodedata.normalize("NFKC", _IGNORED.sub("", text))
    for run in _RUN.findall(text):
        with suppress(ValueError):
            yield base64.b64decode(run, validate=True).decode()
    at = text.find("{")
    while at >= 0:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except ValueError:
            at += 1
        else:
            yield from _pieces(value)
        at = text.find("{", at)


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _pieces(each)
    elif isinstance(value, list):
        for each in value:
            yield from _pieces(each)
