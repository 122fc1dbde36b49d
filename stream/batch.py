"""A batch: consecutive records of one partition, as bytes, and what an agent makes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol, cast

from schemas.errors import MessageError

Headers = Sequence[tuple[str, bytes | None]]


class Record(Protocol):
    """One record, never decoded by the transport."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """The broker's time, ms since the epoch."""
        ...

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Unreadable(Record, Protocol):
    """A record of which only key and value could be read."""

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in the order of the log; offsets may have gaps."""

    topic: str
    partition: int
    records: Sequence[Record]
    unreadable: Sequence[Unreadable] = ()
    """Records among these offsets that could not be parsed: the seam buries them."""


class Output(NamedTuple):
    """A record to be published; it goes to the partition number of the record it comes from."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


make_output: Final = cast(
    "Callable[[tuple[str, bytes | None, bytes | None, Headers]], Output]",
    partial(tuple.__new__, Output),
)
"""From all fields of an `Output`, in order, in half the time of naming them: for hot paths."""


@dataclass(frozen=True, slots=True)
class Burial:
    """A record that a sink could not store, and why."""

    topic: str
    partition: int
    record: Record
    error: MessageError
    request_origin: str | None = None
    """`topic/partition/offset/timestamp` of the request it stems from, where that is known."""
