"""The order of the audit's questions: an end is asked only when the lane before it was passed."""

from typing import Any, cast

from sinks.postgres.audit import _Lanes
from sinks.postgres.audit_log import AuditLog, Span, _split_runs


class FakeLog:
    """A Kafka where llm-agent answers late, and its answer makes results longer."""

    def __init__(self) -> None:
        self.ends = {"escalations.v1": 3, "results.v1": 10, "dead-letters.v1": 0}
        self.committed = {"llm-agent": 2, "postgres-sink": 10}
        self.asked: list[str] = []

    def fetch_spans(self, topic: str) -> dict[int, Span]:
        self.asked.append(f"end of {topic}")
        return {0: Span(0, self.ends[topic.removeprefix("p.")])}

    def fetch_committed(self, group: str, topic: str, partitions: Any) -> dict[int, int]:
        process = group.removeprefix("p.")
        self.asked.append(process)
        answer = self.committed[process]
        if process == "llm-agent":
            self.committed[process], self.ends["results.v1"] = 3, 11
        else:
            self.committed[process] = 11
        return {0: answer}


async def test_results_are_waited_for_up_to_what_the_llm_agent_added_while_we_waited() -> None:
    log = FakeLog()

    await _Lanes(cast("AuditLog", log), "p.", timeout_s=10).wait()

    assert log.asked == [
        "end of p.escalations.v1", "llm-agent", "llm-agent",
        "end of p.results.v1", "postgres-sink", "postgres-sink",
        "end of p.dead-letters.v1",
    ]  # fmt: skip


def test_offsets_that_are_far_apart_are_sought_not_read_through() -> None:
    assert _split_runs([1, 2, 900, 5_000, 5_001]) == [[1, 2, 900], [5_000, 5_001]]
    assert _split_runs([]) == []
