"""Outcomes of requests: a judgment or a burial, named by where its request stands in the log."""

from typing import Any, NamedTuple

import orjson

OTHERWISE = "otherwise"
"""Counts as the rule of a decided judgment that no rule held for."""


class Position(NamedTuple):
    """Where a request stands in its topic."""

    partition: int
    offset: int


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

    @property
    def counted_rule(self) -> str | None:
        """Return the rule that held, `otherwise` when a verdict came from none, else None.

        A judgment without a verdict that no rule held for (several verdicts were possible, the
        input was invalid) counts for no rule: `by_status` has it.
        """
        if self.rule is None and self.status == "decided":
            return OTHERWISE
        return self.rule


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
        )
        return str(origin["topic"]), judged
    except (ValueError, KeyError, TypeError):
        return None
