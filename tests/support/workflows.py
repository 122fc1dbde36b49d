"""Workflow documents and texts of which a test names only what it is about."""

import copy
from pathlib import Path
from typing import Any, Final

import pytest

from rules.workflow.compiled import CompiledWorkflow, compile_workflow
from rules.workflow.problems import Problem, WorkflowErrors
from rules.workflow.reader import WorkflowDocument, read_workflow

ROOT: Final = Path(__file__).resolve().parents[2]
MILLING: Final = ROOT / "examples" / "milling" / "workflow.yaml"
TRIAL: Final = ROOT / "examples" / "test" / "workflow.yaml"

_DOCUMENT: Final[dict[str, Any]] = {
    "judgify": 1,
    "id": "w",
    "verdicts": {"ok": {}, "fail": {}},
    "input": {"x": {"type": "number"}, "s": {"type": "string"}},
    "rules": [{"id": "HIGH", "when": "x > 10", "verdict": "fail"}],
    "otherwise": {"verdict": "ok"},
}


def make_document(**parts: Any) -> dict[str, Any]:
    """Return a sound document with `parts` in place of its own; None leaves a part out."""
    merged = copy.deepcopy(_DOCUMENT) | parts
    return {key: value for key, value in merged.items() if value is not None}


def make_workflow(**parts: Any) -> CompiledWorkflow:
    return compile_workflow(make_document(**parts))


def read_milling() -> WorkflowDocument:
    return read_workflow(MILLING.read_text("utf-8"), "milling.yaml")


def problems_of(text: str) -> tuple[Problem, ...]:
    """Return what is wrong with a text that must be refused."""
    with pytest.raises(WorkflowErrors) as caught:
        read_workflow(text, "w.yaml")
    return tuple(caught.value.problems)


def problems_of_document(**parts: Any) -> dict[str, str]:
    """Return path and message of what is wrong with a document that must be refused."""
    with pytest.raises(WorkflowErrors) as caught:
        compile_workflow(make_document(**parts))
    return {problem.path: problem.message for problem in caught.value.problems}


def yaml_text(body: str = "", rules: str = "[]") -> str:
    """Return a sound YAML text with `body` in its middle and `rules` at its end."""
    head = "judgify: 1\nid: w\nverdicts: {ok: {}, fail: {}}\ninput: {x: {type: number}, s: {type: string}}\n"
    return f"{head}{body}rules: {rules}\n"
