"""Where a request stands in the log: its identity when nothing else names it."""

from pydantic import Field

from schemas.model import Message


class Origin(Message):
    """Position of a record; the timestamp tells a re-created topic from the one before."""

    topic: str
    """Topic of the request."""
    partition: int = Field(ge=0)
    """Partition of the request."""
    offset: int = Field(ge=0)
    """Offset of the request."""
    timestamp: int
    """The broker's time of the request, ms since the epoch."""
