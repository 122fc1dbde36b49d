"""What becomes of asking the endpoint: a reply, or a failure that says what to do."""

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from runtime.masking import mask

FailureKind = Literal[
    "timeout",
    "rate_limited",
    "server_error",
    "unreachable",
    "too_large",
    "not_json",
    "empty",
    "incomplete",
    "refused",
    "auth",
    "quota",
    "bad_request",
]
"""Why there is no reply. After `refused`, the last three do not pass by themselves: somebody must
correct a setting."""

REASON_CHARS_MAX: Final = 300
QUOTED_CHARS_MAX: Final = 160
"""Of what the endpoint says about itself."""
TOKENS_MAX: Final = 10_000_000
"""A count beyond it is no count."""


class Exchange(NamedTuple):
    """A whole answer of the endpoint, of any status."""

    status: int
    content: bytes
    content_type: str
    retry_after_s: float | None
    tries: int
    lost_tries: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call."""

    tokens_in: int
    tokens_out: int
    estimated: bool
    """The endpoint gave no count that can be one; these are bytes / 3."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote: data that nobody has judged yet."""

    text: str
    """At most 1 MiB of UTF-8, as the transport bounds it."""
    usage: Usage
    model: str
    """As the endpoint calls it, where that is a model's name; a stand-in says that it is one."""
    latency_ms: float
    """From the question to the last byte, all tries included."""
    tries: int
    lost_tries: int = 0
    """Of these, such as went out and brought no answer: somebody may ask money for them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nobody answered."""

    kind: FailureKind
    reason: str
    """For people: masked, printable, at most 300 characters."""
    retry_after_s: float | None = None
    """How long the endpoint wants to be left alone, where it said so."""
    usage: Usage | None = None
    """What the call cost all the same, where that is known."""
    latency_ms: float = 0.0
    tries: int = 0
    """Calls that went out; 0 when there was no time for any."""
    lost_tries: int = 0
    """As in a reply: no answer in time, broken off, or too large to be read."""


def fail(
    kind: FailureKind, reason: str, *, retry_after_s: float | None = None, tries: int = 0
) -> Failure:
    """Return a failure whose reason can be shown anywhere."""
    return Failure(kind, shorten(reason, REASON_CHARS_MAX), retry_after_s, tries=tries)


def quote(said: object) -> str:
    """Return what somebody we do not trust says, fit to stand in a reason; empty for no words."""
    if not isinstance(said, str) or not said.strip():
        return ""
    return f': it says "{shorten(said, QUOTED_CHARS_MAX)}"'


def shorten(text: str, chars_max: int) -> str:
    """Return `text` masked, on one line, at most `chars_max` characters long."""
    # Cut before masking too, generously: the masker should not read a megabyte.
    masked = mask(text[: chars_max * 4])
    line = " ".join("".join(char if char.isprintable() else " " for char in masked).split())
    return line if len(line) <= chars_max else f"{line[: chars_max - 1]}…"


def estimate_tokens(size_bytes: int) -> int:
    """Return how many tokens so many bytes are: rather too many than too few."""
    return -(-size_bytes // 3)


def read_usage(usage: Any, names: tuple[str, str], sizes_bytes: tuple[int, int]) -> Usage:
    """Return the counts `names` (in, out) of `usage`; estimates by `sizes_bytes` without them."""
    if isinstance(usage, dict):
        tokens_in, tokens_out = (_as_count(usage.get(name)) for name in names)
        if tokens_in is not None and tokens_out is not None:
            return Usage(tokens_in, tokens_out, estimated=False)
    tokens_in, tokens_out = map(estimate_tokens, sizes_bytes)
    return Usage(tokens_in, tokens_out, estimated=True)


def _as_count(value: Any) -> int | None:
    """Return `value` if it can be a count: no `true`, nothing below zero or absurd."""
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else None
