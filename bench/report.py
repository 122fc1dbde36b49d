"""The report of a benchmark: one document for machines, one table for people (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.figures import Run, ratio_by_round, summarize_contender

OURS: Final = "rule-agent"
WHAT: Final = (
    "whole judgment: strict decode, milling workflow, uuid5, full Judgment record, key and "
    "headers, produce, acknowledge, commit"
)


def build_report(
    runs: Sequence[Run],
    conditions: Mapping[str, Any],
    settings: Mapping[str, Any],
    parts_us: Mapping[str, float],
) -> dict[str, Any]:
    """Return everything that was measured and under which conditions."""
    names = list(dict.fromkeys(run.contender for run in runs))
    return {
        "what": WHAT,
        "conditions": dict(conditions),
        "settings": dict(settings),
        "contenders": {
            name: summarize_contender([run for run in runs if run.contender == name])
            for name in names
        },
        "ratios": {
            f"{OURS} / {name}": ratio_by_round(runs, OURS, name) for name in names if name != OURS
        },
        "in_process_us_per_request": dict(parts_us),
    }


def format_run(run: Run) -> str:
    """Return one line about one run."""
    cpu = "" if run.cpu_us_per_request is None else f"{run.cpu_us_per_request:7.1f} us CPU"
    note = "" if run.committed else "  NOT ALL COMMITTED"
    return f"{run.contender:<18}{run.per_second:>9,.0f}/s{cpu}{note}"


def format_report(report: Mapping[str, Any]) -> str:
    """Return the tables that the benchmark ends with."""
    lines = [f"{'contender':<18}{'per second':>11}{'us CPU':>9}{'MiB':>7}   {OURS} is"]
    for name, summary in report["contenders"].items():
        ratio = report["ratios"].get(f"{OURS} / {name}")
        cpu_us = summary["cpu_us_per_request_median"]
        lines.append(
            f"{name:<18}{summary['per_second_median']:>11,}"
            f"{'-' if cpu_us is None else f'{cpu_us:.1f}':>9}{summary['rss_mib_max']:>7.0f}"
            f"{'' if ratio is None else f'   {ratio:.2f} x'}"
        )
    lines += ["", "in process, us per request:"]
    lines += [f"  {us:>7.2f}  {part}" for part, us in report["in_process_us_per_request"].items()]
    load = report["conditions"]["load_average"][0]
    if load > report["conditions"]["cores"] / 2:
        lines += ["", f"The machine was busy at the start (load {load}): take this for noise."]
    return "\n".join(lines)
