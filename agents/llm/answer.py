"""The answer: what a model may reply, and our own check of every byte of it.

The endpoint is asked to enforce the schema; nothing here relies on that. A reply is an answer, or
it is none: no verdict is ever read out of words. Text that looks like a verdict in prose, in a code
fence or under another key is a reply without an answer.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from agents.llm.injection import holds_mark
from agents.llm.prompt import REASONS_MAX, Prompt
from agents.llm.question import Question
from agents.llm.visible import has_invisible
from runtime.masking import mask
from schemas.decode import parse_json
from schemas.errors import MessageError
from schemas.normal_form import normalize

REPLY_BYTES_MAX: Final = 32_768
"""Longest reply that is parsed; 1,000 tokens are about 5,000 bytes."""
REASON_CHARS_MAX: Final = 500
"""What is kept of a reason."""
REPLY_KEPT_CHARS_MAX: Final = 8_192
"""What is kept of a reply for the record."""

Invalidity = Literal[
    "too_large", "unreadable", "shape", "verdict", "confidence", "reasons", "unsure", "leak"
]
_KEYS: Final = frozenset(("verdict", "confidence", "reasons"))
_MODELS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict inside the envelope, as sure as the workflow wants.

    `reasons` are masked, one line each, at most `REASON_CHARS_MAX` characters.
    """

    verdict: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InvalidAnswer:
    """A reply that is no answer; nobody answered.

    Attributes:
        kind: `leak`: it holds a mark of the prompt; `unsure`: a sound answer below the least
            confidence that the workflow takes. These are not asked again.
        reason: For people, without a word of the reply.
    """

    kind: Invalidity
    reason: str


_TOO_LARGE: Final = InvalidAnswer("too_large", f"the reply has more than {REPLY_BYTES_MAX:,} bytes")
_LEAK: Final = InvalidAnswer("leak", "the reply gives away a mark of the prompt")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@lru_cache(_MODELS_MAX)
def answer_model(choices: tuple[str, ...]) -> type[BaseModel]:
    """Return the model whose JSON Schema the endpoint is asked to enforce."""
    # Not every server knows `const`, which pydantic writes for a single choice.
    enum = WithJsonSchema({"type": "string", "enum": list(choices)})
    fields: dict[str, Any] = {
        "verdict": (Annotated[cast("Any", Literal)[choices], enum], ...),
        "confidence": (
            float,
            Field(ge=0, le=1, description="Probability that it is right, 0 to 1."),
        ),
        "reasons": (
            list[str],
            Field(max_length=REASONS_MAX, description="Short sentences that name what decided."),
        ),
    }
    return create_model("Answer", __base__=_Strict, **fields)


def check_answer(raw: str | bytes, question: Question, prompt: Prompt) -> Answer | InvalidAnswer:
    """Return the answer in a reply, or what is wrong with it. Total, and linear in its length."""
    text = _decode(raw)
    if isinstance(text, InvalidAnswer):
        return text
    marks = (prompt.delimiter, prompt.canary)
    if holds_mark(text, marks):
        return _LEAK
    try:
        reply = parse_json(text.encode(), REPLY_BYTES_MAX)
    except MessageError:
        return InvalidAnswer("unreadable", "the reply is not one strict JSON document")
    if "\\" in text and holds_mark(reply, marks):  # JSON can spell a letter by its number
        return _LEAK
    return _check_reply(reply, question)


def record_reply(raw: str) -> str:
    """Return a reply as judgments keep it: cut, and without what PostgreSQL cannot store."""
    kept = raw[:REPLY_KEPT_CHARS_MAX].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    cut = len(raw) - REPLY_KEPT_CHARS_MAX
    return f"{kept}… [{cut:,} characters cut]" if cut > 0 else kept


def _decode(raw: str | bytes) -> str | InvalidAnswer:
    """Return the text of a reply that is short enough to be looked at."""
    if len(raw) > REPLY_BYTES_MAX:
        return _TOO_LARGE
    try:
        encoded = raw.encode() if isinstance(raw, str) else raw
        text = encoded.decode()
    except UnicodeError:
        return InvalidAnswer("unreadable", "the reply is not UTF-8")
    return text if len(encoded) <= REPLY_BYTES_MAX else _TOO_LARGE


def _check_reply(reply: Any, question: Question) -> Answer | InvalidAnswer:
    if reply.__class__ is not dict or reply.keys() != _KEYS:
        return InvalidAnswer("shape", f"the reply is not an object of {', '.join(sorted(_KEYS))}")
    verdict, confidence, reasons = reply["verdict"], reply["confidence"], reply["reasons"]
    if verdict.__class__ is not str or verdict not in question.verdicts:
        return InvalidAnswer("verdict", f"the verdict is not one of {', '.join(question.verdicts)}")
    # true and false are numbers to Python: the class decides.
    if confidence.__class__ not in (int, float) or not 0 <= confidence <= 1:
        return InvalidAnswer("confidence", "the confidence is not a number from 0 to 1")
    problem = _problem_of(reasons)
    if problem is not None:
        return InvalidAnswer("reasons", problem)
    if confidence < question.min_confidence:
        reason = f"confidence {confidence} is below {question.min_confidence}"
        return InvalidAnswer("unsure", reason)
    return Answer(verdict, float(confidence), tuple(filter(None, map(_keep_reason, reasons))))


def _problem_of(reasons: Any) -> str | None:
    if reasons.__class__ is not list or any(each.__class__ is not str for each in reasons):
        return "the reasons are not a list of texts"
    if len(reasons) > REASONS_MAX:
        return f"there are {len(reasons)} reasons, at most {REASONS_MAX} are read"
    if any(has_invisible(each) for each in reasons):
        return "a reason holds characters that nobody can see"
    if any(_REACHES_OUT.search(normalize("NFKC", each)) for each in reasons):
        return "a reason holds a link or markup"
    return None


def _keep_reason(reason: str) -> str:
    line = mask(" ".join(reason.split()))
    return line if len(line) <= REASON_CHARS_MAX else f"{line[: REASON_CHARS_MAX - 1]}…"


_REACHES_OUT: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,15}:\s?//"  # any scheme
    r"|\b(?:javascript|vbscript|mailto):|\bdata:\s?[a-z]+/"
    r"|\bwww\.|\b[a-z0-9-]{1,63}\.(?:com|net|org|info|io|ai|co|dev|app|xyz|me|kr|cn|ru|link|site)\b"
    r"|\][(\[:]|!\["  # links, images and references of Markdown
    r"|</?[a-z!?]|&(?:#|[a-z]{2,8};)"  # tags and entities; `a < b` is neither
    r"|\{\{|\$\{|<%",  # templates
    re.IGNORECASE,
)
"""Refused, and not cleaned: a sound answer holds none of it, and what is left when a link is cut
out may be another one. Emphasis in stars or ticks is plain text to every page of ours."""
