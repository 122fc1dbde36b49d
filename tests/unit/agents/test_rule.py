"""Every readable request has one outcome, and it is what the schemas promise."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.ruling import rule_outcome
from runtime.clock import format_ms
from runtime.metrics import JUDGMENT_REQUESTS_TOTAL
from schemas.errors import DependencyError, MessageError
from schemas.escalation import Escalation
from schemas.identity import make_judgment_id, make_request_id
from schemas.judgment import Judgment
from schemas.origin import Origin
from schemas.request import Request
from stream.batch import Batch
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.rule_agents import DOCUMENT, ESCALATIONS, REQUESTS, RESULTS, Bench

numbers = st.none() | st.floats(-50, 600) | st.integers(-50, 600) | st.just("hot") | st.booleans()
inputs = st.fixed_dictionaries(
    {},
    optional={
        "line": st.sampled_from(["A", "B", "C", 7, None]),
        "bar": numbers,
        "heat": numbers,
        "note": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    },
)
requests = st.fixed_dictionaries(
    {"workflow_id": st.sampled_from(["press", "nobody"]), "input_data": inputs},
    optional={
        "request_id": st.sampled_from(["r-1", "r:2", None]),
        "tenant": st.sampled_from(["default", "acme"]),
        "method": st.sampled_from(["rule", "hybrid", "llm", None]),
        "deadline_ms": st.sampled_from([1, 6, 7, 8, 10_000, None]),
        "correlation_id": st.sampled_from(["c-1", None]),
        "test": st.booleans(),
    },
)


@given(requests, st.booleans())
def test_every_readable_request_has_one_outcome_that_its_schema_accepts(
    request: dict[str, Any], llm_enabled: bool
) -> None:
    bench = Bench()
    bench.knowledge.llm_enabled = llm_enabled

    output = bench.decide(orjson.dumps(request))

    document = orjson.loads(output.value or b"null")
    if output.topic == ESCALATIONS:
        assert llm_enabled
        found: Judgment | Escalation = Escalation.model_validate(document)
        assert set(document) == set(Escalation.model_fields)
    else:
        assert output.topic == RESULTS
        found = Judgment.model_validate(document)
        assert set(document) == set(Judgment.model_fields)
        assert (found.verdict is None) == (found.status != "decided")
        assert (found.confidence is None) == (found.status != "decided")
        assert (found.error is None) == (found.status not in {"error", "expired"})
    assert found.judgment_id == make_judgment_id(found.tenant, found.workflow_id, found.request_id)
    assert found.test == request.get("test", False)


SHARED = Bench()
READINGS: list[dict[str, Any]] = [
    {"line": "A", "bar": 400, "heat": 20},
    {"line": "A", "bar": 10, "heat": 20},
    {"line": "B", "bar": 10.5, "heat": 90},
    {"line": "B", "heat": -5},
    {"line": "C"},
]
WISHES: list[dict[str, Any]] = [
    {},
    {"method": "rule"},
    {"test": True},
    {"correlation_id": 'c"1'},
    {"tenant": "acme"},
]
ALL_WAYS = [
    {"workflow_id": "press", "request_id": "r-1", "input_data": reading, **wish}
    for reading in READINGS
    for wish in WISHES
]


@example(ALL_WAYS + ALL_WAYS)
@given(st.lists(requests, max_size=4))
def test_a_judgment_is_spliced_into_what_its_model_would_hold(
    asked: list[dict[str, Any]],
) -> None:
    """Through one agent for all examples, so that templates are made once and met again."""
    for offset, request in enumerate(asked):
        output = SHARED.decide(orjson.dumps(request), offset)

        document = orjson.loads(output.value or b"null")
        assert document == build_plainly(SHARED, request, offset, document)


def build_plainly(bench: Bench, request: dict[str, Any], offset: int, made: Any) -> Any:
    """Return the judgment by way of the models; the words of an error are `made`'s own."""
    asked = Request.model_validate(request)
    origin = Origin(topic=REQUESTS, partition=3, offset=offset, timestamp=TIMESTAMP_MS)
    request_id = asked.request_id or make_request_id("cluster", REQUESTS, 3, offset, TIMESTAMP_MS)
    workflow = bench.knowledge.book.in_force(asked.tenant, asked.workflow_id, TIMESTAMP_MS)
    nothing = ("verdict", "confidence", "rule", "submitted_by", "escalation", "llm")
    fields: dict[str, Any] = {
        **dict.fromkeys(nothing),
        "status": made["status"],
        "error": made["error"],
        "reason": "",
        "unknown": (),
        "possible": (),
        "degraded": False,
    }
    if not fields["error"]:
        assert workflow is not None
        findings = workflow.find(asked.input_data)
        fields |= rule_outcome(findings, asked.method or workflow.method)._asdict()
        assert fields.pop("invalid") is None
    fields |= {"unknown": list(fields["unknown"]), "possible": list(fields["possible"])}
    judgment = Judgment(
        judgment_id=make_judgment_id(asked.tenant, asked.workflow_id, request_id),
        request_id=request_id,
        tenant=asked.tenant,
        correlation_id=asked.correlation_id,
        workflow_id=asked.workflow_id,
        workflow_version=workflow.version if workflow else None,
        method="rule",
        input_data=asked.input_data,
        test=asked.test,
        requested_at=format_ms(TIMESTAMP_MS),
        judged_at=format_ms(TIMESTAMP_MS + 7),
        execution_time_ms=7,
        engine="1.2.3",
        origin=origin,
        **fields,
    )
    return orjson.loads(judgment.model_dump_json())


def test_records_of_one_slice_keep_their_own_time_and_flag() -> None:
    records = [
        FakeRecord(
            offset,
            timestamp=TIMESTAMP_MS + late_ms,
            value=b'{"workflow_id":"press","test":%b,"input_data":{"line":"A"}}' % test,
        )
        for offset, (late_ms, test) in enumerate(
            [(0, b"true"), (0, b"false"), (0, b"false"), (3, b"false")]
        )
    ]
    decider = Bench().agent.open_batch(Batch(REQUESTS, 3, records))

    made = [orjson.loads(decider.decide(record).value or b"") for record in records]

    assert [it["test"] for it in made] == [True, False, False, False]
    assert [it["execution_time_ms"] for it in made] == [7, 7, 7, 4]
    assert [it["origin"]["offset"] for it in made] == [0, 1, 2, 3]
    assert made[3]["origin"]["timestamp"] == TIMESTAMP_MS + 3


def test_rules_decide() -> None:
    judgment = Bench().judge({"line": "A", "bar": 400, "heat": 20})

    assert (judgment["status"], judgment["verdict"]) == ("decided", "fail")
    assert (judgment["confidence"], judgment["rule"]) == (1.0, "BURST")
    assert judgment["reason"] == "too much pressure"
    assert (judgment["method"], judgment["degraded"]) == ("rule", False)
    assert judgment["possible"] == []


def test_otherwise_decides_when_no_rule_holds() -> None:
    judgment = Bench().judge({"line": "A", "bar": 10, "heat": 20})

    assert (judgment["verdict"], judgment["confidence"], judgment["rule"]) == ("ok", 0.95, None)


def test_a_proven_failure_is_not_hidden_by_a_dead_sensor() -> None:
    judgment = Bench().judge({"line": "A", "bar": 400})

    assert (judgment["verdict"], judgment["rule"]) == ("fail", "BURST")
    assert judgment["unknown"] == []


@pytest.mark.parametrize("method", ["rule", "hybrid"])
def test_one_unsure_verdict_stands_degraded_when_nobody_answers(method: str) -> None:
    judgment = Bench().judge({"line": "A", "bar": 10, "heat": 90}, method=method)

    assert (judgment["status"], judgment["verdict"], judgment["confidence"]) == (
        "decided",
        "fail",
        0.5,
    )
    assert judgment["degraded"] is True


@pytest.mark.parametrize(("method", "degraded"), [("rule", False), ("hybrid", True)])
def test_several_possible_verdicts_are_undetermined_when_nobody_answers(
    method: str, degraded: bool
) -> None:
    judgment = Bench().judge({"line": "A", "bar": 10, "heat": -5}, method=method)

    assert (judgment["status"], judgment["verdict"]) == ("undetermined", None)
    assert judgment["possible"] == ["ok", "fail"]
    assert judgment["rule"] == "ODD"
    assert judgment["degraded"] is degraded


def test_what_the_rules_cannot_decide_is_escalated_when_the_llm_is_on() -> None:
    bench = Bench()
    bench.knowledge.llm_enabled = True

    escalation = bench.judge({"line": "A", "heat": -5})

    assert escalation["possible"] == ["ok", "fail"]
    assert escalation["unknown"] == ["bar"]
    assert escalation["escalation"] == "several verdicts are possible: ok, fail"
    assert escalation["method"] == "hybrid"


def test_with_method_llm_a_proven_verdict_stands_and_the_rest_is_escalated() -> None:
    bench = Bench()
    bench.knowledge.llm_enabled = True

    proven = bench.judge({"line": "A", "bar": 400, "heat": 1}, method="llm")
    unproven = bench.judge({"line": "A", "bar": 4, "heat": 1}, method="llm")

    assert (proven["verdict"], proven["status"]) == ("fail", "decided")
    assert unproven["escalation"] == "ok is not proven by a rule"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"workflow_id": "nobody"}, "workflow_not_found"),
        ({"tenant": "acme"}, "workflow_not_found"),
        ({"input_data": {}}, "invalid_input"),
        ({"input_data": {"line": "C"}}, "invalid_input"),
    ],
)
def test_what_cannot_be_judged_is_a_judgment_that_says_why(
    fields: dict[str, Any], code: str
) -> None:
    judgment = Bench().judge(fields.pop("input_data", {"line": "A"}), **fields)

    assert (judgment["status"], judgment["error"]["code"]) == ("error", code)
    assert judgment["method"] == "rule"
    assert judgment["degraded"] is False


def test_a_method_that_its_workflow_does_not_allow_is_refused_by_name() -> None:
    bench = Bench()
    bench.knowledge.publish(DOCUMENT | {"id": "strict", "method": "rule", "methods": ["rule"]})

    judgment = bench.judge({"line": "A"}, workflow_id="strict", method="hybrid")

    assert judgment["error"] == {
        "code": "method_not_allowed",
        "message": "method hybrid is not allowed; strict allows rule",
    }


@pytest.mark.parametrize(
    ("deadline_ms", "status"), [(6, "expired"), (7, "decided"), (8, "decided")]
)
def test_a_deadline_expires_after_it_and_not_at_it(deadline_ms: int, status: str) -> None:
    judgment = Bench(now_ms=TIMESTAMP_MS + 7).judge(
        {"line": "A", "bar": 1, "heat": 1}, deadline_ms=deadline_ms
    )

    assert judgment["status"] == status
    assert (judgment["error"] or {}).get("code") == (
        "deadline_exceeded" if status == "expired" else None
    )


def test_a_retired_workflow_is_not_found() -> None:
    bench = Bench()
    bench.knowledge.activate("press", None, at_ms=1)

    assert bench.judge({"line": "A"})["error"]["code"] == "workflow_not_found"


def test_a_version_that_was_not_read_yet_is_waited_for() -> None:
    bench = Bench()
    bench.knowledge.activate("press", "f" * 64, at_ms=1)

    with pytest.raises(DependencyError):
        bench.judge({"line": "A"})


def test_an_old_book_judges_nothing() -> None:
    bench = Bench()
    bench.knowledge.age_s = 1.5

    with pytest.raises(DependencyError, match=r"1\.5 s ago"):
        bench.judge({"line": "A"})


def test_what_cannot_be_read_is_the_seams_to_bury() -> None:
    with pytest.raises(MessageError):
        Bench().decide(b"not json")


def test_a_request_without_an_id_is_named_by_where_it_stands() -> None:
    judgment = Bench().judge({"line": "A"}, request_id=None)

    assert judgment["request_id"] == make_request_id("cluster", REQUESTS, 3, 5, TIMESTAMP_MS)
    assert judgment["origin"] == {
        "topic": REQUESTS,
        "partition": 3,
        "offset": 5,
        "timestamp": TIMESTAMP_MS,
    }


def test_the_same_origin_is_judged_the_same_at_any_time() -> None:
    first = Bench(now_ms=TIMESTAMP_MS + 7).judge({"line": "A", "bar": 400})
    later = Bench(now_ms=TIMESTAMP_MS + 9_000).judge({"line": "A", "bar": 400})

    moving = {"judged_at", "execution_time_ms"}
    assert {k: v for k, v in first.items() if k not in moving} == {
        k: v for k, v in later.items() if k not in moving
    }
    assert (first["execution_time_ms"], later["execution_time_ms"]) == (7, 9_000)


def test_of_a_clients_headers_the_trace_alone_travels_on() -> None:
    value = b'{"workflow_id":"press","input_data":{"line":"A"}}'
    output = Bench().decide(
        value,
        headers=[("traceparent", b"00-aa-bb-01"), ("judgify-correlation-id", b"c-9"), ("x", b"y")],
    )

    assert dict(output.headers) == {
        "content-type": b"application/json",
        "traceparent": b"00-aa-bb-01",
    }
    assert orjson.loads(output.value or b"")["correlation_id"] == "c-9"


@pytest.mark.parametrize("text", [b"\xff", b"a\x00b", b"", b"x" * 129, "\u202ex".encode()])
def test_a_correlation_id_that_is_no_plain_text_is_left_out(text: bytes) -> None:
    value = b'{"workflow_id":"press","input_data":{"line":"A"}}'

    output = Bench().decide(value, headers=[("judgify-correlation-id", text)])

    assert orjson.loads(output.value or b"")["correlation_id"] is None


def test_outcomes_are_counted_once_and_unknown_workflows_under_one_name() -> None:
    def value(*labels: str) -> float:
        return float(JUDGMENT_REQUESTS_TOTAL.labels(*labels)._value.get())

    before = value("rule", "ok", "press"), value("rule", "error", "other")
    bench = Bench()
    bench.judge({"line": "A", "bar": 1, "heat": 1})
    bench.judge({}, workflow_id="never-heard-of")

    assert value("rule", "ok", "press") == before[0] + 1
    assert value("rule", "error", "other") == before[1] + 1
