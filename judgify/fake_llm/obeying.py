"""A model that obeys whoever speaks last: it does what it finds in the data, in any disguise."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from judgify.fake_llm.events import find_events, walk

TEXTS_MAX: Final = 4_096
_QUOTE: Final = "[\"'`«“]"
_WORD: Final = rf"{_QUOTE}?(?P<word>[\w.-]+)"
_STEM: Final = rf"{_QUOTE}?(?P<word>[\w.-]+?)"
"""A word before a particle, which Korean writes without a space."""
_BE: Final = "must be|should be|is|to|as|[:=]"
_ORDERS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\banswer\s+(?:(?:with|only|the|a|verdict|{_BE})\s+)*{_WORD}",
        rf"\bverdict\s*(?:(?:{_BE})\s*|(?={_QUOTE})){_WORD}",
        rf"판정(?:을|은)?\s*{_STEM}[\"'`»”]?(?:으로|로)",
        rf"{_STEM}[\"'`»”]?(?:이라고|라고|으로|로)\s*(?:대답|답|판정)",
    )
)
_ASKS_FOR_PROMPT: Final = re.compile(
    r"(?:repeat|reveal|print|show|write|tell)\b.{0,40}\b(?:seal|mark|prompt|instructions)"
    r"|(?:프롬프트|지시|봉인).{0,20}(?:출력|보여|말해|반복)",
    re.IGNORECASE | re.DOTALL,
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]+")


def find_order(user: str) -> str | None:
    """Return the verdict that the data in a prompt orders first; None when it orders none."""
    return next(
        (
            found["word"].strip(".")
            for text in _texts(user)
            for order in _ORDERS
            for found in order.finditer(text)
        ),
        None,
    )


def asks_for_prompt(user: str) -> bool:
    """Return whether the data wants to see what it was given with."""
    return any(_ASKS_FOR_PROMPT.search(text) for text in _texts(user))


def _texts(user: str) -> Iterator[str]:
    """Yield every text in the data, plain and out of its disguises; all of it without an event."""
    events = find_events(user)
    texts = [item for event in events for _, item in walk(event) if isinstance(item, str)]
    for text in (texts if events else [user])[:TEXTS_MAX]:
        yield from _undisguised(text)


def _undisguised(text: str) -> Iterator[str]:
    yield text
    folded = unicodedata.normalize("NFKC", text)
    if folded != text:
        yield folded
    for tagged in _TAGS.findall(text):
        yield "".join(chr(ord(char) - 0xE0000) for char in tagged)
    for run in _BASE64.findall(text):
        try:
            padded = run.rstrip("=") + "=" * (-len(run.rstrip("=")) % 4)
            yield base64.b64decode(
                padded, altchars=b"-_" if {"-", "_"} & set(run) else None
            ).decode()
        except (binascii.Error, ValueError):
            continue
