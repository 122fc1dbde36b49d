"""A dead letter: a record that was buried, as it was, and why."""

from pydantic import Field

from schemas.model import Message, Timestamp


class DeadLetter(Message):
    """A record on `dead-letters.v1`: key, value and headers of the failed record, unchanged.

    The other fields travel as headers named `judgify-dl-…`, UTF-8 text, after the record's own.
    """

    key: bytes | None
    """The failed record's key, byte for byte."""
    value: bytes | None
    """The failed record's value, byte for byte, unless it was too long to carry."""
    value_length: int | None = Field(default=None, ge=0)
    """Bytes of the original value, when `value` is only its beginning; else null."""
    value_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the original value, when `value` is only its beginning; else null."""
    headers: tuple[tuple[str, bytes | None], ...] | None
    """The failed record's headers in their order; null when they could not be read."""
    topic: str = Field(min_length=1, max_length=249)
    """Topic of the failed record."""
    partition: int = Field(ge=0)
    """Partition of the failed record."""
    offset: int = Field(ge=0)
    """Offset of the failed record; of kind lost: the first that is missing."""
    timestamp: int
    """Broker time of the failed record, ms since the epoch; -1 when unknown."""
    request_origin: str | None = None
    """`topic/partition/offset/timestamp` of the request it stems from, where that is known."""
    agent: str = Field(min_length=1, max_length=64)
    """The process that buried it."""
    version: str = Field(min_length=1, max_length=64)
    """Judgify's version in that process."""
    kind: str = Field(pattern=r"^[a-z_]{1,32}$")
    """message: the record can never work · bug: ours · lost: retention was quicker · skip: an
    operator's order."""
    code: str = Field(pattern=r"^[a-z0-9_]{1,64}$")
    """What is wrong, in a word: `unreadable`."""
    reason: str
    """What is wrong, in words; 1 KiB at most, masked."""
    at: Timestamp
    """When it was buried, UTC, by the broker's clock."""
