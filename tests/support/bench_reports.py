"""Reports of benchmarks as the parts write them, with round figures."""

from typing import Any

from bench.figures import Run, ratio_by_round, summarize_contender

MS = {"p50": 5.0, "p90": 8.0, "p99": 20.0, "max": 31.0}
CONDITIONS = {
    "at": "2026-01-02T03:04:05Z",
    "commit": "0123456789ab",
    "cpu": "Some CPU",
    "cores": 2,
    "python": "3.11.7",
    "kafka": "4.3.1",
    "load_average": [0.3, 0.2, 0.1],
    "contender_and_broker_have_a_core_each": True,
    "others_cores": [0.01, 0.03],
    "noisy": False,
}


def make_run(contender: str, per_second: float, *, committed: bool = True) -> Run:
    return Run(contender, 0, 5_000, per_second, 12.5, 80.0, committed, 0.5)


def make_report(part: str) -> dict[str, Any]:
    """Return the report of `part`."""
    return {"part": part, **_MAKERS[part](), "conditions": CONDITIONS}


def _whole() -> dict[str, Any]:
    runs = [make_run("rule-agent", 60_000.0), make_run("loop", 50_000.0, committed=False)]
    return {
        "contenders": {run.contender: summarize_contender([run]) for run in runs},
        "failed": {"quix-streams": "no index"},
        "ratios": {"rule-agent / loop": ratio_by_round(runs, "rule-agent", "loop")},
        "in_process_us_per_request": {"rules": 1.25},
    }


def _latency() -> dict[str, Any]:
    summary = {
        "due_to_observer_ms": MS,
        "broker_to_broker_ms": MS,
        "cpu_share": 0.2,
    }
    names = ("rule-agent", "loop")
    return {
        "failed": {},
        "rates": {rate: dict.fromkeys(names, summary) for rate in ("1000", "5000")},
        "ratios": {rate: {"loop": {"p50": 1.0, "p99": 1.0}} for rate in ("1000", "5000")},
    }


def _guarantee() -> dict[str, Any]:
    kill = {"results": 12, "committed": 10, "lost": 0, "again": 2}
    return {"failed": {}, "contenders": {"rule-agent": [kill, kill]}}


def _rules() -> dict[str, Any]:
    complete = {"ours": 90, "by_hand": 100, "by_hand_tolerant": 95, "ratio": 0.9}
    gaps = {"ours": 80, "by_hand_tolerant": 100, "ratio": 0.8}
    measured = {"compile_ms": 3.0, "fired_share": 0.3, "complete": complete, "incomplete": gaps}
    return {"rules": dict.fromkeys(("1", "50"), measured)}


def _sink() -> dict[str, Any]:
    rates = {"copy_rows_per_s": [10, 12], "sink_rows_per_s": [5, 6]}
    cpu_us = {"process": 4.0, "postgres": 20.0}
    medians = {"copy_median": 11, "sink_median": 6, "ratio": 0.5}
    return {**rates, **medians, "cpu_us_per_row": {"copy": cpu_us, "sink": cpu_us}}


def _scaling() -> dict[str, Any]:
    workers = {
        "per_second_median": 50_000,
        "per_second": [50_000],
        "worker_cores": [0.9],
        "least_worker_cores": [0.4],
        "broker_cores": [None],
    }
    return {"contenders": {"rule-agent": {"1": workers, "2": workers, "two_over_one": 1.0}}}


def _memory() -> dict[str, Any]:
    process = {
        "rss_mib_max": 181.0,
        "rss_mib_first": 90.0,
        "rss_mib_last": 180.0,
        "slope_mib_per_hour": None,
    }
    return {
        "settings": {"minutes": 10.0},
        "results_per_second": 40_000,
        "sink_resumed_s": 2.5,
        "processes": {"rule-agent": process},
        "seconds": [0.0, 300.0, 600.0],
        "rss_mib": {"rule-agent": [90.0, 181.0, 180.0]},
    }


def _llm() -> dict[str, Any]:
    way: dict[str, Any] = {"ms_p50": [4.0, 5.0]}
    way |= {"ms_p50_median": 4.5, "cpu_ms_median": 4.0, "per_second_median": 200.0}
    setup: dict[str, Any] = {"per_second": [200, 210], "cpu_ms_median": None, "rss_mib_max": 150.0}
    scene: dict[str, Any] = {"due_to_observer_ms": MS, "broker_to_broker_ms": MS, "late": 0}
    scene |= {"ms_p99": [18.0, 22.0], "p99_over_without": 1.05, "left_open": 140}
    waits: dict[str, Any] = {"ended": {}, "ended_ms_max": None}
    ends = {"ended": {"answered": 100, "unanswered": 40}, "ended_ms_max": 4_100}
    return {
        "settings": {"at_a_time": 16, "per_second": 1_000, "open_share": 0.07},
        "in_process": {
            "ways": {
                "SDK": way | {"per_core_median": 160.0},
                "ours": way | {"per_core_median": 250.0},
            },
            "beyond_ms_p50": {"ours": {"SDK": [-2.1, -1.9]}},
        },
        "end_to_end": {
            "16 at a time": setup | {"per_second_median": 205, "cpu_share_median": None}
        },
        "isolation": {"without the lane": scene | waits, "endpoint hangs": scene | ends},
    }


_MAKERS = {
    "whole": _whole,
    "latency": _latency,
    "guarantee": _guarantee,
    "rules": _rules,
    "sink": _sink,
    "scaling": _scaling,
    "memory": _memory,
    "llm": _llm,
}
