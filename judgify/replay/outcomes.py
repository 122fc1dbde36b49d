"""Outcomes of requests: a judgment or a burial, named by where its request stands in the log."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from rules.workflow.declarations import OTHERWISE

_RULED = frozenset({"decided", "undetermined"})


class Position(NamedTuple):
    """Where a request stands in its topic."""

    partition: int
    offset: int


def join_ranges(positions: Sequence[Position]) -> Iterator[tuple[int, int, int]]:
    """Yield (partition, first, last) of neighbours in sorted `positions`."""
    start = last = None
    for position in positions:
        if start is not None and last is not None:
            if position == (last.partition, last.offset + 1):
                last = position
                continue
            yield start.partition, start.offset, last.offset
        start = last = position
    if start is not None and last is not None:
        yield start.partition, start.offset, last.offset


class Judged(NamedTuple):
    """A record of the results topic, as far as it is counted; `value` is all of it."""

    request: Position
    judgment_id: str
    status: str
    verdict: str | None
    rule: str | None
    latency_ms: int
    """From the broker's time of the request to the broker's time of the result."""
    value: bytes
    partition: int
    """Of the result."""
    offset: int
    """Of the result."""
    method: str = "rule"
    """Who judged: `rule`, or an LLM (`hybrid`, `llm`)."""

    @property
    def counted_rule(self) -> str | None:
        """Return the rule that held, `otherwise` when none did; None when no rule was asked.

        The rules are not asked about invalid input or past a deadline: `by_status` has those.
        `judgify judge` counts the same way.
        """
        if self.status not in _RULED:
            return None
        return self.rule or OTHERWISE


class Buried(NamedTuple):
    """A dead letter that names a request as what it stems from."""

    request: Position
    agent: str
    code: str
    reason: str
    partition: int
    """Of the dead letter."""
    offset: int
    """Of the dead letter."""


Outcome = Judged | Buried


def parse_result(
    value: bytes, *, timestamp_ms: int, partition: int, offset: int
) -> tuple[str, Judged] | None:
    """Return (topic of the request, outcome); None when `value` is no judgment of ours.

    The results topic is written by agents alone, but a tool that counts must outlive a stranger's
    record: what does not look like a judgment is passed over.
    """
    try:
        judgment: Any = orjson.loads(value)
        origin = judgment["origin"]
        judged = Judged(
            request=Position(int(origin["partition"]), int(origin["offset"])),
            judgment_id=str(judgment["judgment_id"]),
            status=str(judgment["status"]),
            verdict=judgment["verdict"],
            rule=judgment["rule"],
            latency_ms=max(0, timestamp_ms - int(origin["timestamp"])),
            value=value,
            partition=partition,
            offset=offset,
            method=str(judgment["method"]),
        )
        return str(origin["topic"]), judged
    except (ValueError, KeyError, TypeError):
        return None
