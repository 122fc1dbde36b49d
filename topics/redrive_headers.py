"""Headers of a request that is sent again: what it keeps of its own, and where it stood before."""

from typing import Final

from topics.headers import (
    CONTENT_TYPE,
    COPIED,
    SIGNATURE,
    Headers,
    ReadHeaders,
    copy_allowed,
    origin_text,
)

REDRIVE_OF: Final = "judgify-redrive-of"
"""`topic/partition/offset/timestamp` of the record whose dead letter was sent again."""
KEPT: Final = COPIED | {CONTENT_TYPE[0], SIGNATURE}
"""The signature is ingest's own, over the value, and whoever reads it checks it."""


def make_redrive_headers(
    headers: ReadHeaders, topic: str, partition: int, offset: int, timestamp: int
) -> Headers:
    """Return the headers of the new record for one that had `headers` and stood at that place."""
    origin = origin_text(topic, partition, offset, timestamp).encode("utf-8", "replace")
    return (*copy_allowed(headers, KEPT), (REDRIVE_OF, origin))
