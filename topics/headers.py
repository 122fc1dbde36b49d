"""Headers: their names, which of a client's are copied, and what a dead letter says in them."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from runtime.masking import mask as mask_secrets
from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError

CONTENT_TYPE: Final = ("content-type", b"application/json")
TRACEPARENT: Final = "traceparent"
CORRELATION_ID: Final = "judgify-correlation-id"
SIGNATURE: Final = "judgify-sig"

COPIED: Final = frozenset({TRACEPARENT, CORRELATION_ID})
"""Of a client's headers these alone travel on; no header of a client is ever obeyed."""
COPIED_BYTES_MAX: Final = 512
"""A longer value is not copied: 55 bytes are a traceparent, 128 characters a correlation id."""

DEAD_LETTER_PREFIX: Final = "judgify-dl-"
REASON_BYTES_MAX: Final = 1_024
VALUE_BYTES_MAX: Final = 1_048_576
"""A longer value is cut before it is buried."""
CUT_BYTES: Final = 65_536
"""What is left of a value that was cut."""
UNREADABLE: Final = b"unreadable"

_ORIGIN_PARTS: Final = 4
DEAD_LETTER_FIELDS: Final = {
    "topic": "topic",
    "partition": "partition",
    "offset": "offset",
    "timestamp": "timestamp",
    "request-origin": "request_origin",
    "agent": "agent",
    "version": "version",
    "kind": "kind",
    "code": "code",
    "reason": "reason",
    "at": "at",
    "value-length": "value_length",
    "value-sha256": "value_sha256",
}
"""Header name after the prefix → field of `DeadLetter`. The first one begins our block."""
_NUMBERS: Final = frozenset({"partition", "offset", "timestamp", "value_length"})
_FIRST: Final = f"{DEAD_LETTER_PREFIX}topic"
_HEADERS: Final = f"{DEAD_LETTER_PREFIX}headers"

Headers = tuple[tuple[str, bytes], ...]
ReadHeaders = Sequence[tuple[str, bytes | None]]
BuriedHeaders = tuple[tuple[str, bytes | None], ...]
Mask = Callable[[str], str]


def copy_allowed(headers: ReadHeaders, allowed: frozenset[str] = COPIED) -> Headers:
    """Return the headers of a client that travel on: the first of each allowed name."""
    copied: dict[str, bytes] = {}
    for name, value in headers:
        if name in allowed and value is not None and len(value) <= COPIED_BYTES_MAX:
            copied.setdefault(name, value)
    return tuple(copied.items())


def origin_text(topic: str, partition: int, offset: int, timestamp: int) -> str:
    """Return where a record stands, as dead letters name it: `topic/partition/offset/timestamp`."""
    return f"{topic}/{partition}/{offset}/{timestamp}"


def parse_origin_text(text: str) -> tuple[str, int, int, int]:
    """Return topic, partition, offset and timestamp of `origin_text`.

    Raises:
        MessageError: it is no such text.
    """
    parts = text.split("/")
    if len(parts) != _ORIGIN_PARTS or not all(_is_number(part) for part in parts[1:]):
        raise MessageError("not_an_origin", "expected topic/partition/offset/timestamp")
    return parts[0], int(parts[1]), int(parts[2]), int(parts[3])


def cut_value(
    value: bytes | None, bytes_max: int = VALUE_BYTES_MAX
) -> tuple[bytes | None, int | None, str | None]:
    """Return what of `value` a dead letter carries, and length and SHA-256 of it if it was cut."""
    if value is None or len(value) <= bytes_max:
        return value, None, None
    return value[:CUT_BYTES], len(value), sha256(value).hexdigest()


def build_dead_letter_headers(letter: DeadLetter, mask: Mask = mask_secrets) -> BuriedHeaders:
    """Return the headers of `letter` on the wire: the record's own, then ours.

    `mask` takes secrets out of the reason, which is then cut to 1 KiB at a character.
    """
    ours: list[tuple[str, bytes | None]] = []
    for name, field in DEAD_LETTER_FIELDS.items():
        value = getattr(letter, field)
        if value is not None:
            text = _cut_text(mask(value)) if field == "reason" else str(value)
            ours.append((f"{DEAD_LETTER_PREFIX}{name}", text.encode("utf-8", "replace")))
    if letter.headers is None:
        ours.append((_HEADERS, UNREADABLE))
    return (*(letter.headers or ()), *ours)


def parse_dead_letter(headers: ReadHeaders, key: bytes | None, value: bytes | None) -> DeadLetter:
    """Return the dead letter of a record on `dead-letters.v1`.

    Headers of the same names that the buried record already had (it may be a forgery, or a dead
    letter itself) stay with that record: ours are the last block.

    Raises:
        MessageError: it carries no readable block of ours.
    """
    starts = [index for index, (name, _) in enumerate(headers) if name == _FIRST]
    if not starts:
        raise MessageError("not_a_dead_letter", f"header {_FIRST} is missing")
    own, ours = headers[: starts[-1]], headers[starts[-1] :]
    found = {name.removeprefix(DEAD_LETTER_PREFIX): _text(content) for name, content in ours}
    readable = _HEADERS not in dict(ours)
    fields: dict[str, Any] = {"key": key, "value": value}
    fields["headers"] = tuple((name, content) for name, content in own) if readable else None
    fields |= {
        field: _typed(field, found[name])
        for name, field in DEAD_LETTER_FIELDS.items()
        if name in found
    }
    try:
        return DeadLetter.model_validate(fields)
    except ValidationError as error:
        wrong = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        raise MessageError("not_a_dead_letter", f"wrong or missing: {wrong}") from error


def _cut_text(text: str) -> str:
    """Return the beginning of `text` that fits `REASON_BYTES_MAX`, cut between characters."""
    raw = text.encode("utf-8", "replace")
    return raw[:REASON_BYTES_MAX].decode("utf-8", "ignore")


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")


def _typed(field: str, text: str) -> str | int | None:
    if field not in _NUMBERS:
        return text
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    """Return whether `text` is a decimal number of 64 bits, as we write them."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 19
