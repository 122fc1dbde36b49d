"""Tables of what was measured, one or more for each part (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.llm_tables import make_llm_tables
from bench.table import Table

Report = Mapping[str, Any]


def tables_of(report: Report) -> list[Table]:
    """Return the tables of one part's report."""
    return _MAKERS[report["part"]](report)


def _whole(report: Report) -> list[Table]:
    rows = []
    for name, summary in report["contenders"].items():
        ratio = report["ratios"].get(f"rule-agent / {name}")
        rows.append(
            (
                name,
                f"{summary['per_second_median']:,}",
                " ".join(f"{rate:,}" for rate in summary["per_second"]),
                _number(summary["cpu_us_per_request_median"], ".1f"),
                f"{summary['rss_mib_max']:.0f}",
                _times(ratio),
                "yes" if summary["committed_all"] else "**no**",
            )
        )
    headers = (
        "contender", "per second", "each round", "us CPU per result", "MiB", "rule-agent is",
        "all committed",
    )  # fmt: skip
    parts = report["in_process_us_per_request"].items()
    in_process = Table(
        ("in process, one thread", "us per request"), [(name, f"{us:.2f}") for name, us in parts]
    )
    return [Table(headers, rows, _failed(report)), in_process]


def _latency(report: Report) -> list[Table]:
    headers = (
        "contender", "p50 ms", "p90 ms", "p99 ms", "max ms", "broker to broker p50 / p99 ms",
        "of a core", "rule-agent p50 / p99 is",
    )  # fmt: skip
    tables = []
    for rate, summaries in report["rates"].items():
        rows = []
        for name, summary in summaries.items():
            seen, inside = summary["due_to_observer_ms"], summary["broker_to_broker_ms"]
            ratios = report["ratios"][rate].get(name)
            rows.append(
                (
                    f"{name} at {int(rate):,}/s",
                    *(f"{seen[column]:.1f}" for column in ("p50", "p90", "p99", "max")),
                    f"{inside['p50']:.0f} / {inside['p99']:.0f}",
                    f"{summary['cpu_share']:.0%}",
                    f"{ratios['p50']:.2f} / {ratios['p99']:.2f} x" if ratios else "",
                )
            )
        tables.append(Table(headers, rows, _failed(report)))
    return tables


def _guarantee(report: Report) -> list[Table]:
    rows = [
        (
            name,
            f"{sum(run['committed'] for run in runs):,}",
            f"{sum(run['lost'] for run in runs):,}",
            _each([run["again"] for run in runs]),
        )
        for name, runs in report["contenders"].items()
    ]
    headers = ("after a kill", "committed", "of these without a result", "to be judged again")
    return [Table(headers, rows, _failed(report))]


def _rules(report: Report) -> list[Table]:
    rows = [
        (
            f"{count} rules, {kind}" if count != "1" else f"1 rule, {kind}",
            *(
                f"{forms[form]:,}" if form in forms else "-"
                for form in ("ours", "by_hand", "by_hand_tolerant")
            ),
            _times(forms["ratio"]),
        )
        for count, measured in report["rules"].items()
        for kind, forms in measured.items()
        if isinstance(forms, dict)
    ]
    headers = ("events per second", "ours", "by hand", "by hand, survives gaps", "ours is")
    return [Table(headers, rows)]


def _sink(report: Report) -> list[Table]:
    rows = [
        (
            name,
            f"{report[f'{key}_median']:,}",
            _each(report[f"{key}_rows_per_s"]),
            f"{report['cpu_us_per_row'][key]['process']:.1f}",
            f"{report['cpu_us_per_row'][key]['postgres']:.1f}",
        )
        for name, key in (("bare COPY", "copy"), ("postgres-sink, end to end", "sink"))
    ]
    headers = ("rows per second", "median", "each round", "us CPU, client", "us CPU, PostgreSQL")
    note = f"postgres-sink is {_times(report['ratio'])}"
    return [Table(headers, rows, [note])]


def _scaling(report: Report) -> list[Table]:
    rows = []
    for name, by_workers in report["contenders"].items():
        for workers in ("1", "2"):
            summary = by_workers[workers]
            rows.append(
                (
                    f"{name}, {workers} worker{'s' if workers != '1' else ''}",
                    f"{summary['per_second_median']:,}",
                    _each(summary["per_second"]),
                    _each(summary["worker_cores"], ".2f"),
                    _each(summary["least_worker_cores"], ".2f") if workers == "2" else "",
                    _each(summary["broker_cores"], ".2f"),
                    _times(by_workers["two_over_one"]) if workers == "2" else "",
                )
            )
    headers = (
        "", "per second", "each round", "cores of the workers", "of the idler one",
        "cores of the broker",
        "two over one",
    )  # fmt: skip
    return [Table(headers, rows)]


def _memory(report: Report) -> list[Table]:
    rows = [
        (
            name,
            f"{it['rss_mib_first']:.0f}",
            f"{it['rss_mib_last']:.0f}",
            f"{it['rss_mib_max']:.0f}",
            _number(it["slope_mib_per_hour"], "+.1f"),
        )
        for name, it in report["processes"].items()
    ]
    minutes, rate = report["settings"]["minutes"], report["results_per_second"]
    note = (
        f"{minutes:g} min at {rate:,} results per second; the sink went on "
        f"{report['sink_resumed_s']} s after the lock was gone."
    )
    return [Table(("MiB", "first", "last", "largest", "slope per hour"), rows, [note])]


def tell_conditions(conditions: Mapping[str, Any]) -> str:
    """Return in a few sentences where, when and beside what a part was measured."""
    others = conditions["others_cores"]
    place = (
        f"{conditions['at'][:16].replace('T', ' ')} UTC, commit {conditions['commit']}, "
        f"{conditions['cpu']}, {conditions['cores']} cores, Python {conditions['python']}, "
        f"Kafka {conditions['kafka']}."
    )
    told = [place]
    if conditions.get("contender_and_broker_have_a_core_each") is False:
        told.append("Nothing was pinned to a core.")
    if others:
        told.append(f"Other processes used {min(others)} to {max(others)} cores meanwhile.")
    if conditions["noisy"]:
        told.append("**The machine was busy: take these figures for noise.**")
    return " ".join(told)


def _failed(report: Report) -> list[str]:
    return [f"Not measured: {name}: {why}" for name, why in report["failed"].items()]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} x"


def _each(values: Iterable[float | None], form: str = ",") -> str:
    return " ".join(_number(value, form) for value in values)


_MAKERS = {
    "whole": _whole,
    "latency": _latency,
    "guarantee": _guarantee,
    "rules": _rules,
    "sink": _sink,
    "scaling": _scaling,
    "memory": _memory,
    "llm": make_llm_tables,
}
