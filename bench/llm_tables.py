"""Tables of the part `llm` (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.table import Table

Report = Mapping[str, Any]


def make_llm_tables(report: Report) -> list[Table]:
    """Return the three tables of the report."""
    return [_in_process(report), _end_to_end(report), _isolation(report)]


def _in_process(report: Report) -> Table:
    measured = report["in_process"]
    rows = [
        (
            name,
            f"{it['ms_p50_median']:.2f}",
            _each(it["ms_p50"], ".2f"),
            f"{it['cpu_ms_median']:.2f}",
            f"{it['per_second_median']:.0f}",
            f"{it['per_core_median']:.0f}",
        )
        for name, it in measured["ways"].items()
    ]
    notes = [
        f"{ours}, beyond the {peer}: p50 {_each(beyond, '+.2f')} ms."
        for ours, peers in measured["beyond_ms_p50"].items()
        for peer, beyond in peers.items()
    ]
    at_a_time = f"{report['settings']['at_a_time']} at a time"
    headers = (
        "in process", "p50 ms", "each round", "ms CPU per call", f"per second, {at_a_time}",
        f"per core, {at_a_time}",
    )  # fmt: skip
    return Table(headers, rows, notes)


def _end_to_end(report: Report) -> Table:
    rows = [
        (
            name,
            f"{it['per_second_median']:,}",
            _each(it["per_second"], ","),
            _number(it["cpu_ms_median"], ".2f"),
            _number(it["cpu_share_median"], ".0%"),
            f"{it['rss_mib_max']:.0f}",
        )
        for name, it in report["end_to_end"].items()
    ]
    headers = (
        "end to end", "escalations per second", "each round", "ms CPU per escalation", "of a core",
        "MiB",
    )  # fmt: skip
    return Table(headers, rows)


def _isolation(report: Report) -> Table:
    rows = []
    for name, it in report["isolation"].items():
        seen, inside, ended = it["due_to_observer_ms"], it["broker_to_broker_ms"], it["ended"]
        rows.append(
            (
                name,
                f"{seen['p50']:.1f}",
                f"{seen['p99']:.1f}",
                f"{it['p99_over_without']:.2f} x",
                f"{inside['p50']:.0f} / {inside['p99']:.0f}",
                f"{it['left_open']:,}",
                f"{ended.get('answered', 0):,}",
                f"{sum(ended.values()) - ended.get('answered', 0):,}",
                _number(it["ended_ms_max"], ","),
                f"{it['late']:,}",
            )
        )
    headers = (
        "what rules decide, beside", "p50 ms", "p99 ms", "p99 is", "broker to broker p50 / p99 ms",
        "left open by rules", "answered", "ended by the rules", "slowest of these ms", "late",
    )  # fmt: skip
    return Table(headers, rows)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _each(values: Iterable[float], form: str) -> str:
    return " ".join(f"{value:{form}}" for value in values)
