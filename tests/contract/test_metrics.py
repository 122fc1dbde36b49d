"""The one list of metrics: the names that alerts and scalers lean on, and bounded labels."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics import JUDGMENT_DURATION_SECONDS, REGISTRY
from runtime.metrics_reference import LABELS, REFERENCE, REPOSITORY, list_metrics, render_reference

PROMISED = {
    "judgment_requests_total": ("method", "result", "workflow_id"),
    "judgment_duration_seconds": ("method",),
    "judgment_confidence_score": ("workflow_id",),
    "judgment_confidence": (),
    "judgment_queue_length": (),
    "consumer_lag_records": ("group", "topic"),
    "oldest_unfinished_seconds": ("group",),
    "rebalances_total": (),
    "restarts_total": ("process", "reason"),
    "dead_letters_total": ("agent", "reason"),
    "duplicates_dropped_total": ("stage",),
    "request_id_conflicts_total": ("workflow_id",),
    "dependency_up": ("name",),
    "runtime_flag": ("name",),
    "workflow_active_info": ("tenant", "workflow_id", "version"),
    "build_info": ("version",),
    "database_connection_pool_usage": (),
    "log_events_dropped_total": (),
    "security_events_total": ("kind",),
    "llm_requests_total": ("status",),
    "llm_request_duration_seconds": (),
    "llm_tokens_total": ("direction",),
    "llm_cost_usd_total": (),
    "llm_cache_total": ("result",),
    "llm_circuit_state": (),
}
"""Dashboards, alerts and scalers name these: renaming one blinds somebody."""


def test_the_names_and_labels_are_those_promised() -> None:
    assert {row.name: row.labels for row in list_metrics()} == PROMISED


def test_nothing_else_is_exported() -> None:
    text = generate_latest(REGISTRY).decode()

    exported = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    ours = {name for name in exported if not name.startswith("process_")}
    assert ours == set(PROMISED)
    assert list(text_string_to_metric_families(text))


@pytest.mark.parametrize("seconds", [0.005, 2, 3, 5, 10, 30])
def test_durations_have_the_buckets_that_alerts_name(seconds: float) -> None:
    assert seconds in JUDGMENT_DURATION_SECONDS._kwargs["buckets"]


def test_every_label_says_what_bounds_it() -> None:
    used = {label for row in list_metrics() for label in row.labels}

    assert used <= set(LABELS)


def test_names_carry_their_unit_or_say_what_they_are() -> None:
    for row in list_metrics():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", row.name), row.name
        assert (row.kind == "counter") == row.name.endswith("_total"), row.name


def test_what_is_checked_in_is_what_the_list_says() -> None:
    checked_in = (REPOSITORY / REFERENCE).read_text(encoding="utf-8")

    assert checked_in == render_reference(), "run `python -m runtime.metrics_reference`"
