"""The headers of what agents write: ours, and of the request's the trace context alone."""

from typing import Final

from stream.batch import Headers, Record
from topics.headers import CONTENT_TYPE, TRACEPARENT, copy_allowed

_OURS: Final[Headers] = (CONTENT_TYPE,)


def make_headers(record: Record) -> Headers:
    """Return ours and the trace context of `record`, if it brings one."""
    if not record.headers:
        return _OURS
    copied = (pair for pair in copy_allowed(record.headers) if pair[0] == TRACEPARENT)
    return (CONTENT_TYPE, *copied)
