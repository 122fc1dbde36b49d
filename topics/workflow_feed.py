"""The workflow book of a process, kept up to date from the workflow topic.

Compiling happens on the reader's thread: the thread that judges only ever finds a finished book.
"""

from types import MappingProxyType
from typing import Final

from rules.workflow.book import WorkflowBook
from runtime.clock import Clock
from runtime.logs import get_logger
from schemas.errors import MessageError
from topics.compacted import CompactedReader
from topics.workflow_records import (
    ActivationKey,
    VersionKey,
    parse_activation,
    parse_version,
    parse_workflow_key,
)

_SHORT: Final = 12
_log = get_logger(__name__)


class WorkflowFeed:
    """A `WorkflowBook` that fills itself; judge by it only while `confirmed_age_s` is small."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        keeps_sources: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Read `topic`; `keeps_sources` holds on to what the authors wrote, for people to see."""
        self.book = WorkflowBook()
        self._sources: dict[VersionKey, str] = {}
        self.sources = MappingProxyType(self._sources)
        """What the author of each version wrote; empty unless asked for."""
        self._keeps_sources = keeps_sources
        self.reader = CompactedReader(bootstrap, topic, self._apply, clock=clock)

    def start(self) -> None:
        self.reader.start()

    def stop(self) -> None:
        self.reader.stop()

    def wait_caught_up(self, timeout_s: float) -> bool:
        return self.reader.wait_caught_up(timeout_s)

    def confirmed_age_s(self) -> float:
        return self.reader.confirmed_age_s()

    @property
    def failure(self) -> str | None:
        """Why the workflow topic cannot be read at present; None when it can."""
        return self.reader.failure

    def _apply(self, key: bytes, value: bytes | None, timestamp_ms: int, offset: int) -> None:
        parsed = parse_workflow_key(key)
        if value is None:
            raise MessageError("tombstone", "a published record is never taken back; retire it")
        if isinstance(parsed, VersionKey):
            self._add_version(parsed, value, timestamp_ms, offset)
        else:
            self._add_activation(parsed, value, timestamp_ms, offset)

    def _add_version(self, key: VersionKey, value: bytes, timestamp_ms: int, offset: int) -> None:
        record = parse_version(value)
        published = self.book.add_version(
            *key,
            record.document,
            author=record.author,
            note=record.note,
            at_ms=timestamp_ms,
            offset=offset,
        )
        if self._keeps_sources and record.source is not None:
            self._sources.setdefault(key, record.source)
        if published.problem is not None:  # kept in the book: its requests wait
            raise MessageError("not_compiled", published.problem)

    def _add_activation(
        self, key: ActivationKey, value: bytes, timestamp_ms: int, offset: int
    ) -> None:
        activation = parse_activation(key, value)
        active = self.book.add_activation(activation, at_ms=timestamp_ms, offset=offset)
        if self.reader.caught_up:
            _log.info(
                "activation_read",
                tenant=activation.tenant,
                workflow_id=activation.workflow_id,
                version=(activation.version or "none")[:_SHORT],
                from_ms=active.from_ms,
                author=activation.author,
            )
