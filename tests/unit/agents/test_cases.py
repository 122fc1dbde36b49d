"""Requests share a case only where they are alike: nobody is judged as a neighbour."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.workflow.book import WorkflowBook
from stream.batch import Batch
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.rule_agents import DOCUMENT, REQUESTS, Bench

NEIGHBOURS = st.fixed_dictionaries(
    {
        "workflow_id": st.sampled_from(["press", "nobody"]),
        "request_id": st.just("r-1"),
        "tenant": st.sampled_from(["default", "acme"]),
        "method": st.sampled_from([None, "rule", "hybrid", "llm"]),
        "test": st.booleans(),
        "input_data": st.sampled_from(
            [{}, {"line": "A"}, {"line": "A", "bar": 400, "heat": 1}, {"line": "B", "heat": 90}]
        ),
    }
)
LATER_MS = st.integers(0, 2)
SHARED = Bench()
SHARED.knowledge.publish({**DOCUMENT, "title": "Newer"}, at_ms=TIMESTAMP_MS - 1_999)
"""Another version is in force one millisecond later."""


EVERY_METHOD: list[tuple[dict[str, Any], int]] = [
    ({"workflow_id": "press", "request_id": "r-1", "method": method, "input_data": reading}, 0)
    for method in (None, "rule", "hybrid", "llm")
    for reading in ({"line": "A"}, {"line": "A", "bar": 1, "heat": 1})
]


@example(asked=EVERY_METHOD, llm_enabled=True)
@example(asked=EVERY_METHOD, llm_enabled=False)
@given(
    asked=st.lists(st.tuples(NEIGHBOURS, LATER_MS), min_size=1, max_size=12),
    llm_enabled=st.booleans(),
)
def test_records_of_one_slice_are_decided_as_each_alone(
    asked: list[tuple[dict[str, Any], int]], llm_enabled: bool
) -> None:
    bench = SHARED
    bench.knowledge.llm_enabled = llm_enabled
    records = [
        FakeRecord(offset, timestamp=TIMESTAMP_MS + late_ms, value=orjson.dumps(request))
        for offset, (request, late_ms) in enumerate(asked)
    ]
    together = bench.agent.open_batch(Batch(REQUESTS, 3, records))

    for record in records:
        alone = bench.agent.open_batch(Batch(REQUESTS, 3, [record]))
        assert together.decide(record) == alone.decide(record)


def test_what_is_in_force_is_looked_up_once_per_case(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[int] = []
    look_up = WorkflowBook.in_force

    def in_force(book: WorkflowBook, tenant: str, workflow_id: str, at_ms: int) -> Any:
        looked_up.append(at_ms)
        return look_up(book, tenant, workflow_id, at_ms)

    monkeypatch.setattr(WorkflowBook, "in_force", in_force)
    value = b'{"workflow_id":"press","request_id":"r","input_data":{"line":"A"}}'
    times_ms = [TIMESTAMP_MS, TIMESTAMP_MS, TIMESTAMP_MS + 1, TIMESTAMP_MS]
    records = [
        FakeRecord(offset, timestamp=at_ms, value=value) for offset, at_ms in enumerate(times_ms)
    ]
    decider = Bench().agent.open_batch(Batch(REQUESTS, 3, records))

    for record in records:
        decider.decide(record)

    assert looked_up == [TIMESTAMP_MS, TIMESTAMP_MS + 1]
