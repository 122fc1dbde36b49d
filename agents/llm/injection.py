"""Signs that somebody speaks to the model: in an event, and in a reply that gives the prompt away.

Heuristics, for the eyes of an operator. They change no verdict and stop no call: what an event can
reach is bounded by the envelope, not by what is recognised here. Linear in the length of the text,
which is looked at up to `CHARS_MAX`.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Literal

from agents.llm.visible import keep_visible
from schemas.normal_form import normalize

SecurityEvent = Literal[
    "injection_instruction",
    "injection_role",
    "injection_hidden",
    "injection_encoded",
    "prompt_leak",
    "escalation_contradicted",
]
"""The kinds of `security_events_total` that this lane raises."""

CHARS_MAX: Final = 32_768
"""Characters of one event that are looked at; as many again of what is decoded, each time. No fewer
than a reply may have: a mark of the prompt must be found in all of it."""
FOLDED_CHARS_MAX: Final = 2 * CHARS_MAX
"""The same in plain letters; one ligature may stand for 18 of them."""
DECODED_RUNS_MAX: Final = 256
"""Runs of base64 that are decoded, each time."""
DECODED_DEPTH_MAX: Final = 2
"""How often base64 in base64 is decoded."""

_BORDER: Final = "\0"
"""Between texts, which are looked at together; no text of JSON that we accept holds one."""
_INSTRUCTION: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b[^\0]{0,40}"
    r"\b(?:instruction|rule|prompt|previous|above|prior|earlier|polic|guideline)"
    r"|\b(?:you are now|act as (?:an assistant|if you)|pretend to|from now on|new instruction"
    r"|system prompt|developer mode|admin mode|do anything now|jailbreak)"
    r"|\b(?:answer|respond|reply|report|return|output|say|choose|set|give|mark|classify|judge|approve)\b"
    r"[^\0]{0,40}\b(?:verdict|confidence|severity|reasons)\b"
    r"|\bverdict\W{0,4}(?:must|should|shall|is|=|:)"
    r"|(?:지시|명령|규칙|지침|프롬프트|이전|앞선|위의)[^\0]{0,20}(?:무시|잊|따르지|우회|무효)"
    r"|(?:무시|잊어|우회)[^\0]{0,20}(?:지시|명령|규칙|지침|프롬프트)"
    r"|(?:판정|판단|평결|대답|응답|답변|신뢰도)[^\0]{0,30}"
    r"(?:하라|하세요|해라|해줘|하십시오|해 ?주세요|출력하|출력해|답하|답해|바꿔|바꾸|내려라|내리라)"
    r"|(?:너는|당신은|넌) ?(?:이제|지금)|지금부터|시스템 ?프롬프트|관리자 ?모드"
)
_ROLE: Final = re.compile(
    r"<\|?/?(?:im_start|im_end|system|assistant|developer|user|endoftext)\b|\[/?inst\]|<<sys>>"
    r"|(?:^|[\n\0])\s{0,8}#{0,4}\s{0,2}"
    r"(?:system|assistant|developer|시스템|개발자) ?(?:prompt|message)?:"
    r"|\"role\"\s{0,2}:"
)
_HIDDEN: Final = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff]")
_ENCODED_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_TAGS: Final = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_URL_SAFE: Final = str.maketrans("-_", "+/")


def find_injections(event: Any) -> tuple[SecurityEvent, ...]:
    """Return the signs in the keys and values of a JSON value, at any depth; sorted, each once."""
    found: set[SecurityEvent] = set()
    for depth, text in enumerate(_layers(event)):
        signs = _signs(_fold(text)[:FOLDED_CHARS_MAX])
        if _HIDDEN.search(text) or (not text.isascii() and signs - _signs(text.casefold())):
            signs.add("injection_hidden")
        if signs and depth:
            signs.add("injection_encoded")
        found |= signs
    return tuple(sorted(found))


def holds_mark(reply: Any, marks: Sequence[str]) -> bool:
    """Say whether a mark (lower-case hex digits) stands in a text or in a JSON value.

    Also in capitals, spelled out, with what nobody sees between its digits, or in base64.
    """
    return any(
        mark in squeezed
        for text in _layers(reply)
        for squeezed in [_SEPARATORS.sub("", _fold(text))]
        for mark in marks
    )


def _signs(text: str) -> set[SecurityEvent]:
    signs: set[SecurityEvent] = set()
    if _INSTRUCTION.search(text):
        signs.add("injection_instruction")
    if _ROLE.search(text):
        signs.add("injection_role")
    return signs


def _layers(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON value as one, then what is base64 in them, and again in that."""
    text = _join(_texts(value))
    yield text
    for _ in range(DECODED_DEPTH_MAX):
        text = _join(_decode_runs(text))
        if not text:
            return
        yield text


def _join(texts: Iterator[str]) -> str:
    joined, chars_left = [], CHARS_MAX
    for text in texts:
        joined.append(text[:chars_left])
        chars_left -= len(joined[-1]) + len(_BORDER)
        if chars_left <= 0:
            break
    return _BORDER.join(joined)


def _texts(value: Any) -> Iterator[str]:
    """Yield every key and text; without recursion, since nothing here is to depend on the depth."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from (key for key in each if isinstance(key, str))
            pending.extend(reversed(each.values()))
        elif isinstance(each, list | tuple):
            pending.extend(reversed(each))


def _decode_runs(text: str) -> Iterator[str]:
    """Yield what runs of base64 say, where that is text."""
    joined = text.replace("\r", "").replace("\n", "")
    for run in islice(_ENCODED_RUN.finditer(joined), DECODED_RUNS_MAX):
        digits = run[0].translate(_URL_SAFE)
        whole = digits[: len(digits) - (len(digits) % 4 == 1)]
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode()


def _fold(text: str) -> str:
    """Return what a model may read: escapes and tags as letters, nothing invisible, one case."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
    if text.isascii():
        return text.casefold()
    visible = _BORDER.join(map(keep_visible, text.translate(_TAGS).split(_BORDER)))
    return normalize("NFKC", visible).casefold()
