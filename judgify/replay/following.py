"""Following the results topic: judgments as they come, only those that are wanted."""

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from judgify.replay.tail import READ_MAX, find_ends, open_tail_consumer
from schemas.judgment import Judgment

WAIT_S = 0.2
"""Longest sleep; Ctrl-C is obeyed within it."""


class Wanted(NamedTuple):
    """Which judgments to show; None wants any."""

    workflow_id: str | None = None
    verdict: str | None = None
    status: str | None = None

    def matches(self, judgment: dict[str, Any]) -> bool:
        """Return whether `judgment` has every value that was named."""
        return all(
            value is None or judgment[name] == value for name, value in self._asdict().items()
        )


def follow_results(
    bootstrap: str, topic: str, *, beginning: bool, wanted: Wanted, stop: threading.Event
) -> Iterator[dict[str, Any]]:
    """Yield wanted judgments from now on (or from the beginning) until `stop` is set.

    Records that are no judgments are passed over.

    Raises:
        DependencyError: Kafka does not answer, or there is no such topic.
    """
    consumer = open_tail_consumer(bootstrap)
    try:
        consumer.assign(find_ends(consumer, bootstrap, topic, beginning=beginning))
        while not stop.is_set():
            for message in consumer.consume(READ_MAX, WAIT_S):
                judgment = None if message.error() else parse_judgment(message.value())
                if stop.is_set():
                    return
                if judgment is not None and wanted.matches(judgment):
                    yield judgment
    finally:
        consumer.close()


def parse_judgment(value: bytes | None) -> dict[str, Any] | None:
    """Return the judgment in `value`, or None."""
    try:
        Judgment.model_validate_json(value or b"")
        judgment: dict[str, Any] = orjson.loads(value or b"")
    except (ValidationError, ValueError):
        return None
    return judgment
