"""A rule agent with a book of its own and a clock that stands still, for tests without a broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from agents.rule import RuleAgent, Topics
from rules.workflow.book import WorkflowBook
from rules.workflow.canonical import version_of
from runtime.clock import BrokerClock
from schemas.workflow_record import Activation
from stream.batch import Batch, Output
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.clock import FakeClock

RESULTS: Final = "judgify.results.v1"
ESCALATIONS: Final = "judgify.escalations.v1"
REQUESTS: Final = "judgify.requests.v1"

DOCUMENT: Final[dict[str, Any]] = {
    "judgify": 1,
    "id": "press",
    "verdicts": {"ok": {"severity": "info"}, "fail": {"severity": "critical"}},
    "methods": ["rule", "hybrid", "llm"],
    "method": "hybrid",
    "llm": {"may_decide": ["ok", "fail"], "instructions": "Look at it."},
    "input": {
        "line": {"type": "string", "required": True, "one_of": ["A", "B"]},
        "bar": {"type": "number", "range": [0, 500]},
        "heat": {"type": "number"},
    },
    "rules": [
        {"id": "BURST", "when": "bar > 300", "verdict": "fail", "reason": "too much pressure"},
        {"id": "WARM", "when": "heat > 80", "verdict": "fail", "confidence": 0.5},
        {"id": "ODD", "when": "heat < 0", "verdict": "undetermined"},
    ],
    "otherwise": {"verdict": "ok", "confidence": 0.95},
}


@dataclass
class Knowledge:
    """What the agent is given besides requests."""

    book: WorkflowBook = field(default_factory=WorkflowBook)
    llm_enabled: bool = False
    cluster_id: str = "cluster"
    age_s: float = 0.0

    def confirmed_age_s(self) -> float:
        return self.age_s

    def publish(self, document: Mapping[str, Any], *, at_ms: int = 0) -> str:
        """Add and activate a workflow of tenant `default`; return its version."""
        version, name = version_of(document), document["id"]
        self.book.add_version(
            "default", name, version, document, author="a", note="", at_ms=at_ms, offset=0
        )
        self.activate(name, version, at_ms=at_ms)
        return version

    def activate(self, name: str, version: str | None, *, at_ms: int = 0) -> None:
        activation = Activation(tenant="default", workflow_id=name, version=version, author="a")
        self.book.add_activation(activation, at_ms=at_ms, offset=1)


class Bench:
    """The agent, what it knows, and the time."""

    def __init__(self, *, now_ms: int = TIMESTAMP_MS + 7) -> None:
        self.knowledge = Knowledge()
        self.version = self.knowledge.publish(DOCUMENT)
        self.clock = BrokerClock(FakeClock(wall_ms=now_ms))
        self.agent = RuleAgent(
            Topics(RESULTS, ESCALATIONS), self.knowledge, self.clock, engine="1.2.3"
        )

    def decide(
        self, value: bytes, offset: int = 5, headers: Sequence[tuple[str, bytes]] = ()
    ) -> Output:
        """Return the output of one record on partition 3."""
        record = FakeRecord(offset, value=value, headers=headers)
        batch = Batch(REQUESTS, 3, [record])
        decider = self.agent.open_batch(batch)
        output = decider.decide(record)
        decider.finished()
        return output

    def judge(self, input_data: Mapping[str, Any], **fields: Any) -> Any:
        """Return the document that comes out for a request of `fields`."""
        request = {"workflow_id": "press", "request_id": "r-1", "input_data": input_data} | fields
        return orjson.loads(self.decide(orjson.dumps(request)).value or b"null")
