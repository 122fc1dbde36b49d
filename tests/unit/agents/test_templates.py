"""Templates are shared by what is decided alike, and bounded."""

import pytest

from agents import templates
from agents.templates import Templates
from tests.support.builders import TIMESTAMP_MS
from tests.support.rule_agents import Bench

READING = {"line": "A", "bar": 1, "heat": 1}


def test_what_is_decided_alike_shares_a_template_and_nothing_else_does() -> None:
    workflow = Bench().knowledge.book.in_force("default", "press", TIMESTAMP_MS)
    assert workflow is not None
    kept = Templates()
    ok, failed = workflow.find(READING), workflow.find(READING | {"bar": 400})

    first = kept.of("default", workflow, "rule", ok)

    assert kept.of("default", workflow, "rule", workflow.find(READING)) is first
    assert kept.of("acme", workflow, "rule", ok) is not first
    assert kept.of("default", workflow, "hybrid", ok) is not first
    assert kept.of("default", workflow, "rule", failed) is not first


def test_no_more_templates_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "TEMPLATES_MAX", 2)
    workflow = Bench().knowledge.book.in_force("default", "press", TIMESTAMP_MS)
    assert workflow is not None
    kept, findings = Templates(), workflow.find(READING)

    made = [kept.of(f"tenant-{n}", workflow, "rule", findings) for n in range(5)]

    assert len(kept._made) <= 2
    assert [b'"tenant-%d"' % n in it.constant for n, it in enumerate(made)] == [True] * 5
