"""Escalations as rule-agent writes them, and the questions that follow from them."""

from typing import Any, Final

from agents.llm.question import Question, Unanswerable, make_question
from rules.ruling import explain_escalation
from rules.workflow.compiled import CompiledWorkflow
from schemas.escalation import Escalation
from schemas.identity import make_judgment_id
from tests.support.builders import TIMESTAMP_MS
from tests.support.workflows import make_workflow

PRESS: Final[dict[str, Any]] = {
    "id": "press",
    "title": "Press",
    "verdicts": {
        "ok": {"title": "Go on"},
        "review": {"severity": "warning"},
        "fail": {"severity": "critical", "title": "멈춤"},
        "scrap": {"severity": "error"},
    },
    "method": "hybrid",
    "input": {
        "bar": {"type": "number", "from": "Pressure [bar]", "unit": "bar", "range": [0, 500]},
        "heat": {"type": "number", "unit": "°C"},
        "note": {"type": "string"},
    },
    "derive": {"load": "bar * heat"},
    "rules": [
        {"id": "HOT", "when": "heat > 900", "verdict": "fail", "reason": "too hot"},
        {"id": "WARM", "when": "heat > 700", "verdict": "ok", "confidence": 0.5, "reason": "warm"},
        {"id": "HIGH", "when": "load > 100000", "verdict": "fail"},
        {"id": "NOTED", "when": "note == 'seen' or load > 90000", "verdict": "review"},
    ],
    "otherwise": {"verdict": "ok", "confidence": 0.9},
    "llm": {"may_decide": ["review", "fail"], "instructions": "압력이 높으면 위험하다."},
}
"""A workflow in which an LLM may not say `ok`."""

SEVERAL: Final[dict[str, Any]] = {"Pressure [bar]": "broken", "heat": 20}
"""`fail`, `review` and `ok` are possible: the pressure cannot be used."""
UNSURE: Final[dict[str, Any]] = {"Pressure [bar]": 100, "heat": 800}
"""`ok` alone is possible, not sure enough."""
PROVEN: Final[dict[str, Any]] = {"Pressure [bar]": 100, "heat": 950}
"""`fail` is proven."""


def make_press(**parts: Any) -> CompiledWorkflow:
    """Return the workflow with `parts` in place of its own."""
    return make_workflow(**PRESS | parts)


def escalate(workflow: CompiledWorkflow, input_data: dict[str, Any], **fields: Any) -> Escalation:
    """Return the escalation of an event; `fields` are what a forger would write instead."""
    found = workflow.find(input_data)
    request_id = fields.get("request_id", "r-1")
    written: dict[str, Any] = {
        "judgment_id": make_judgment_id("default", workflow.id, request_id),
        "request_id": request_id,
        "tenant": "default",
        "correlation_id": None,
        "submitted_by": None,
        "workflow_id": workflow.id,
        "workflow_version": workflow.version,
        "method": workflow.method,
        "input_data": input_data,
        "possible": list(found.possible),
        "verdict": found.verdict,
        "confidence": found.confidence,
        "rule": found.rule,
        "reason": found.reason,
        "unknown": list(found.unknown),
        "escalation": explain_escalation(found, workflow.min_confidence),
        "test": False,
        "requested_at": "2025-06-15T15:06:40.000Z",
        "origin": {"topic": "judgify.requests.v1", "partition": 0, "offset": 0, "timestamp": TIMESTAMP_MS},
        "engine": "0.1.0",
    }  # fmt: skip
    return Escalation.model_validate(written | fields)


def question_of(
    workflow: CompiledWorkflow, input_data: dict[str, Any], **fields: Any
) -> Question | Unanswerable:
    return make_question(escalate(workflow, input_data, **fields), workflow)


def ask(input_data: dict[str, Any] | None = None, **parts: Any) -> Question:
    """Return the question of an event that an LLM may answer, of the press by default."""
    question = question_of(make_press(**parts), SEVERAL if input_data is None else input_data)
    assert isinstance(question, Question), question
    return question
