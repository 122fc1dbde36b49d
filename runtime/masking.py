"""Masking: takes secrets and personal data out of text before anyone can read it.

The one choke point of logs, dead-letter reasons and errors. Detectors run independently on a folded
copy (compatibility forms, plain digits, no invisible characters), and what they find is replaced in
the original. Linear in the length of the text, which is cut at `TEXT_CHARS_MAX`.

What it cannot see: a secret that no key names and that has no known shape, or one that is split
over two lines of log.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from runtime.mask_patterns import (
    CARD,
    DETECTORS,
    EMAIL,
    ENCODED_RUN,
    HEX_RUN,
    ID_KEY_BEFORE,
    NUMBERS,
    RESIDENT_NUMBER,
    SENSITIVE_KEY,
    USERINFO,
)

MASK: Final = "***"
TEXT_CHARS_MAX: Final = 65_536
KEY_LOOKBACK_CHARS: Final = 64

Span = tuple[int, int]


def mask(text: str) -> str:
    """Return `text` without secrets and personal data; masking twice changes nothing more."""
    cut = len(text) - TEXT_CHARS_MAX
    if cut > 0:
        text = text[:TEXT_CHARS_MAX]
    folded, positions = _fold(text)
    spans = _merge(_find(folded))
    if positions is not None:
        spans = [(positions[start], positions[end - 1] + 1) for start, end in spans]
    masked = _replace(text, spans)
    return f"{masked}… [{cut:,} characters cut]" if cut > 0 else masked


def is_sensitive_key(key: str) -> bool:
    """Return whether a field called `key` holds a secret, whatever its value."""
    return SENSITIVE_KEY.search(_fold(key[:KEY_LOOKBACK_CHARS])[0]) is not None


def _fold(text: str) -> tuple[str, list[int] | None]:
    """Return what the eye sees in `text`, and the original position of each of its characters.

    Decomposed (NFKD), because that works character by character: full-width letters become plain
    ones, Hangul becomes its letters, whatever form it was written in.
    """
    if text.isascii():
        return text, None
    pieces: list[str] = []
    positions: list[int] = []
    for position, char in enumerate(text):
        piece = char if char.isascii() else _fold_char(char)
        pieces.append(piece)
        positions.extend([position] * len(piece))
    return "".join(pieces), positions


def _fold_char(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(char) == "Cf":
        return ""
    return unicodedata.normalize("NFKD", char)


def _find(text: str) -> Iterator[Span]:
    """Yield every span of `text` that must not be seen; spans may overlap."""
    yield from _find_plain(text)
    yield from _find_encoded(text)


def _find_plain(text: str) -> Iterator[Span]:
    for hint, pattern in DETECTORS:
        if hint is None or hint in text:
            for match in pattern.finditer(text):
                group = match.lastgroup or 0
                if match.start(group) < match.end(group):
                    yield match.span(group)
    yield from _find_addresses(text)
    yield from _find_numbers(text)


def _find_addresses(text: str) -> Iterator[Span]:
    """Yield the userinfo of URLs, and e-mail addresses; `user@host` of a URL keeps its host."""
    if "@" not in text:
        return
    ends = set()
    for match in USERINFO.finditer(text):
        ends.add(match.end() - 1)
        yield match.start("user"), match.end() - 1
    for match in EMAIL.finditer(text):
        if match.start() + match[0].index("@") not in ends:
            yield match.span()


def _find_numbers(text: str) -> Iterator[Span]:
    for pattern in NUMBERS:
        for match in pattern.finditer(text):
            if not _is_id(text, match):
                yield match.span()
    for match in RESIDENT_NUMBER.finditer(text):
        if _is_date(match[0][:6]) and not _is_id(text, match):
            yield match.span()
    for match in CARD.finditer(text):
        end = _card_end(match[0])
        if end and not _is_id(text, match):
            yield match.start(), match.start() + end


def _is_id(text: str, match: re.Match[str]) -> bool:
    """Return whether an unbroken number stands in a field that is named like an id or a time."""
    if not match[0].isalnum():
        return False
    before = text[max(0, match.start() - KEY_LOOKBACK_CHARS) : match.start()]
    return ID_KEY_BEFORE.search(before) is not None


def _is_date(digits: str) -> bool:
    """Return whether `digits` can be YYMMDD: millisecond timestamps cannot before 2027."""
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31


def _card_end(text: str) -> int:
    """Return how many characters of `text` are a card number; 0 for none."""
    ends = [index for index, char in enumerate(text) if char.isdigit()]
    digits = [int(text[index]) for index in ends]
    for count in range(len(digits), 12, -1):
        end = ends[count - 1] + 1
        if not text[end : end + 1].isdigit() and _passes_luhn(digits[:count]):
            return end
    return 0


def _passes_luhn(digits: list[int]) -> bool:
    doubled = (digit * 2 for digit in digits[-2::-2])
    return (sum(digits[::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def _find_encoded(text: str) -> Iterator[Span]:
    """Yield base64 and hex runs that hold something to mask once they are decoded."""
    for pattern, decode in ((HEX_RUN, bytes.fromhex), (ENCODED_RUN, _decode_base64)):
        for match in pattern.finditer(text):
            try:
                decoded = decode(match[0]).decode("latin-1")
            except (ValueError, binascii.Error):
                continue
            if next(_find_plain(decoded), None) is not None:
                yield match.span()


def _decode_base64(run: str) -> bytes:
    run = run.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    run = run[: len(run) - (len(run) % 4 == 1)]
    return base64.b64decode(run + "=" * (-len(run) % 4))


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return `spans` in order, overlapping ones joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replace(text: str, spans: Iterable[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], MASK)
        done = end
    return "".join((*pieces, text[done:]))
