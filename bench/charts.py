"""Charts of what was measured, as SVG (pure): rates, latencies, rules, memory."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bench.contenders import OURS
from bench.llm_chart import draw_isolation
from bench.svg import Drawing

Report = Mapping[str, Any]

WIDTH: Final = 760
LEFT: Final = 185
RIGHT: Final = 175
TOP: Final = 70
ROW: Final = 34
PLOT: Final = WIDTH - LEFT - RIGHT
RULES_RATIO_WANTED: Final = 0.8
MEMORY_MIB_MAX: Final = 250
PLOT_HEIGHT: Final = 220
QUANTILES: Final = {"p50": 3.5, "p90": 5.0, "p99": 7.0}
"""What is drawn of a latency, and the radius of its dot."""
LATENCY_MS_MIN: Final = 1.0
"""Where the logarithmic axis begins."""


def chart_of(report: Report) -> str | None:
    """Return the chart of one part's report; None for a part that needs none."""
    draw = _CHARTS.get(report["part"])
    return draw(report) if draw else None


def _whole(report: Report) -> str:
    by_rate = sorted(
        report["contenders"].items(), key=lambda it: it[1]["per_second_median"], reverse=True
    )
    most = max(rate for _, it in by_rate for rate in it["per_second"])
    drawing = Drawing(
        WIDTH,
        TOP + ROW * len(by_rate) + 20,
        "Whole judgments per second on one core",
        "bar: median over the rounds; ticks: each round; last column: rule-agent beside it",
    )
    for row, (name, summary) in enumerate(by_rate):
        y = TOP + row * ROW
        drawing.text(LEFT - 12, y + 15, name, "strong" if name == OURS else "", "end")
        width = summary["per_second_median"] / most * PLOT
        drawing.bar(LEFT, y, width, 20, "ours" if name == OURS else "peer")
        for rate in summary["per_second"]:
            x = LEFT + rate / most * PLOT
            drawing.line([(x, y - 2), (x, y + 22)], "mark")
        weight = "strong" if name == OURS else ""
        rate_told = f"{summary['per_second_median']:,}/s"
        drawing.text(LEFT + PLOT + 85, y + 15, rate_told, weight, "end")
        ratio = report["ratios"].get(f"{OURS} / {name}")
        if ratio:
            drawing.text(LEFT + PLOT + 150, y + 15, f"{ratio:.2f} x", weight, "end")
    return drawing.render()


def _latency(report: Report) -> str:
    rates = list(report["rates"].items())
    rows = sum(len(summaries) + 1 for _, summaries in rates)
    seen = [it["due_to_observer_ms"] for _, summaries in rates for it in summaries.values()]
    decades = max(1, math.ceil(math.log10(max(it["p99"] for it in seen) / LATENCY_MS_MIN)))
    drawing = Drawing(
        WIDTH,
        TOP + ROW * rows + 30,
        "From due to seen: latency at a fixed rate, open loop",
        "small dot p50, middle dot p90, large dot p99; medians over the rounds; logarithmic",
    )

    def place(ms: float) -> float:
        return LEFT + 20 + math.log10(max(ms, LATENCY_MS_MIN)) / decades * (PLOT - 20)

    bottom = TOP + ROW * rows
    for decade in range(decades + 1):
        x = place(10**decade)
        drawing.line([(x, TOP), (x, bottom)], "grid")
        drawing.text(x, bottom + 16, f"{10**decade:,} ms", "muted", "middle")
    y = TOP
    for rate, summaries in rates:
        drawing.text(20, y + 15, f"{int(rate):,} per second", "strong")
        y += ROW
        for name, summary in summaries.items():
            _draw_range(drawing, y, name, summary["due_to_observer_ms"], place)
            y += ROW
    return drawing.render()


def _draw_range(
    drawing: Drawing, y: float, name: str, ms: Mapping[str, float], place: Callable[[float], float]
) -> None:
    kind = "ours" if name == OURS else "peer"
    drawing.text(LEFT + 6, y + 14, name, "strong" if name == OURS else "", "end")
    drawing.line([(place(ms["p50"]), y + 10), (place(ms["p99"]), y + 10)], f"line {kind}-line")
    for quantile, radius in QUANTILES.items():
        drawing.dot(place(ms[quantile]), y + 10, radius, kind)
    told = (
        " / ".join(f"{ms[it]:.1f}" if ms[it] < 100 else f"{ms[it]:,.0f}" for it in QUANTILES)
        + " ms"
    )
    drawing.text(LEFT + PLOT + 14, y + 14, told)


def _rules(report: Report) -> str:
    counts = list(report["rules"])
    kinds = [kind for kind, it in report["rules"][counts[0]].items() if isinstance(it, dict)]
    most = max(1.2, *(it[kind]["ratio"] for it in report["rules"].values() for kind in kinds))
    drawing = Drawing(
        WIDTH,
        TOP + PLOT_HEIGHT + 70,
        "Rules in process: our rate over hand-written Python",
        "1.0 would be as fast as code that checks nothing; the dashed line is what we want of 50",
    )
    bottom = TOP + PLOT_HEIGHT
    for ratio in (0, 0.5, 1):
        _draw_level(drawing, bottom - ratio / most * PLOT_HEIGHT, f"{ratio:.1f}", "grid")
    _draw_level(
        drawing, bottom - RULES_RATIO_WANTED / most * PLOT_HEIGHT, "0.8", "limit", "limit-text"
    )
    step = (WIDTH - 100) / len(counts)
    for column, count in enumerate(counts):
        middle = 70 + step * (column + 0.5)
        label = "1 rule" if count == "1" else f"{count} rules"
        drawing.text(middle, bottom + 18, label, "", "middle")
        for bar, (kind, style) in enumerate(zip(kinds, ("ours", "third"), strict=False)):
            ratio = report["rules"][count][kind]["ratio"]
            x, height = middle - 44 + bar * 46, ratio / most * PLOT_HEIGHT
            drawing.bar(x, bottom - height, 42, height, style)
            drawing.text(x + 21, bottom - height - 5, f"{ratio:.2f}", "", "middle")
    _draw_legend(drawing, bottom + 48, list(zip(kinds, ("ours", "third"), strict=False)))
    return drawing.render()


def _memory(report: Report) -> str:
    seconds, series = report["seconds"], report["rss_mib"]
    most = max(MEMORY_MIB_MAX * 1.1, *(max(values) for values in series.values()))
    drawing = Drawing(
        WIDTH,
        TOP + PLOT_HEIGHT + 70,
        "Resident memory at full speed, PostgreSQL locked, MiB",
        f"{report['results_per_second']:,} results per second; the dashed line is what we allow",
    )
    bottom, last_s = TOP + PLOT_HEIGHT, report["settings"]["minutes"] * 60

    def level(mib: float) -> float:
        share: float = mib / most
        return bottom - share * PLOT_HEIGHT

    for mib in sorted({*range(0, int(most) + 1, 50)} - {MEMORY_MIB_MAX}):
        _draw_level(drawing, level(mib), f"{mib}", "grid")
    _draw_level(drawing, level(MEMORY_MIB_MAX), f"{MEMORY_MIB_MAX}", "limit", "limit-text")
    named = list(zip(series, ("ours", "third"), strict=False))
    for name, style in named:
        points = [
            (70 + min(at_s / last_s, 1) * (WIDTH - 110), level(mib))
            for at_s, mib in zip(seconds, series[name], strict=True)
        ]
        drawing.line(points, f"line {style}-line")
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = 70 + share * (WIDTH - 110)
        drawing.text(x, bottom + 18, f"{share * last_s / 60:.4g} min", "muted", "middle")
    _draw_legend(drawing, bottom + 48, named)
    return drawing.render()


def _draw_level(
    drawing: Drawing, y: float, label: str, kind: str, label_kind: str = "muted"
) -> None:
    drawing.line([(70, y), (WIDTH - 40, y)], kind)
    drawing.text(62, y + 4, label, label_kind, "end")


def _draw_legend(drawing: Drawing, y: float, named: Sequence[tuple[str, str]]) -> None:
    x = 70.0
    for name, style in named:
        drawing.bar(x, y - 10, 12, 12, style)
        drawing.text(x + 18, y, name)
        x += 40 + 7 * len(name)


_CHARTS: Final = {
    "whole": _whole,
    "latency": _latency,
    "rules": _rules,
    "memory": _memory,
    "llm": draw_isolation,
}
