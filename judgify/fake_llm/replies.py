"""What the stand-in replies: out of its file, as the data orders, or a valid choice by hash."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from judgify.fake_llm.answer_key import AnswerKey
from judgify.fake_llm.asked import Asked, count_tokens
from judgify.fake_llm.obeying import asks_for_prompt, find_order
from judgify.fake_llm.samples import WORDS, sample
from judgify.fake_llm.script import FaultKind

UNKNOWN_VERDICT: Final = "no-such-verdict"
LEAK_CHARS: Final = 400
End = Literal["stop", "length", "refusal", "none"]


@dataclass(frozen=True, slots=True)
class Told:
    """A reply, before a protocol wraps it."""

    text: str
    tokens_out: int
    end: End = "stop"
    """`none`: the answer holds no reply at all."""


def make_reply(asked: Asked, key: AnswerKey | None, *, obey: bool, fault: FaultKind | None) -> Told:
    """Return the reply to a question; `fault` breaks it where it is a fault of the reply."""
    if fault == "empty_choices":
        return Told("", 0, "none")
    if fault == "refusal":
        return _tell(f"{WORDS}; it refuses, as its script says", asked, "refusal")
    text = _write(_choose(asked, key, obey=obey), fault)
    if fault == "incomplete":
        return _tell(text[: len(text) // 2], asked, "length")
    return _tell(text, asked, "stop")


def _choose(asked: Asked, key: AnswerKey | None, *, obey: bool) -> Any:
    """Return the value to reply with; text where no schema asks for more."""
    value = WORDS if asked.schema is None else sample(asked.schema, asked.identity)
    known = key.find(asked.user) if key else None
    if known is not None:
        value = _put_choice(value, known, asked)
    if not obey:
        return value
    order = find_order(asked.user)
    if order is not None:
        value = _put_choice(value, order, asked, confidence=1.0)
    if asks_for_prompt(asked.user):
        value = _put_words(value, asked.user[-LEAK_CHARS:])
    return value


def _put_choice(value: Any, verdict: str, asked: Asked, **sure: float) -> Any:
    """Return `value` with its first member of few words replaced, whatever the schema allows."""
    if not isinstance(value, dict) or asked.schema is None:
        return verdict
    parts = asked.schema.get("properties")
    name = next(
        (name for name, part in parts.items() if "enum" in part or "const" in part)
        if isinstance(parts, dict)
        else iter(()),
        "verdict",
    )
    return value | {name: verdict} | {name: item for name, item in sure.items() if name in value}


def _put_words(value: Any, words: str) -> Any:
    """Return `value` with `words` wherever the stand-in would have said its own."""
    if isinstance(value, dict):
        return {name: _put_words(item, words) for name, item in value.items()}
    if isinstance(value, list):
        return [_put_words(item, words) for item in value]
    return words if value == WORDS else value


def _write(value: Any, fault: FaultKind | None) -> str:
    if fault == "unknown_verdict" and isinstance(value, dict):
        value = {"verdict": UNKNOWN_VERDICT, "confidence": 1.0, "reasons": [WORDS]}
    if fault == "nan":
        return f'{{"verdict": "ok", "confidence": NaN, "reasons": ["{WORDS}"]}}'
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _tell(text: str, asked: Asked, end: End) -> Told:
    """Return the reply, cut at the limit of tokens that the question sets."""
    limit = asked.sizes.tokens_out_max
    tokens = count_tokens(text)
    if limit is not None and tokens > limit:
        return Told(text.encode()[: limit * 3].decode(errors="ignore"), limit, "length")
    return Told(text, tokens, end)
