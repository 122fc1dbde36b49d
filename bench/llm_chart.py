"""The chart of the part `llm`: the rule lane beside an LLM lane in trouble (pure)."""

from collections.abc import Mapping
from typing import Any, Final

from bench.svg import Drawing

WIDTH: Final = 760
LEFT: Final = 185
PLOT: Final = 400
TOP: Final = 70
ROW: Final = 34


def draw_isolation(report: Mapping[str, Any]) -> str:
    """Return the 99th percentile of what rules decide in every scene."""
    scenes, settings = report["isolation"], report["settings"]
    most_ms = max(ms for it in scenes.values() for ms in it["ms_p99"])
    drawing = Drawing(
        WIDTH,
        TOP + ROW * len(scenes) + 20,
        "Latency of what rules decide, beside the LLM lane",
        f"{settings['per_second']:,} requests/s, {settings['open_share']:.0%} for the LLM; "
        "bar: p99, median; ticks: each round; last column: over the first row",
    )
    for row, (name, it) in enumerate(scenes.items()):
        y = TOP + row * ROW
        ms_p99 = it["due_to_observer_ms"]["p99"]
        drawing.text(LEFT - 12, y + 15, name, "strong" if row == 0 else "", "end")
        drawing.bar(LEFT, y, ms_p99 / most_ms * PLOT, 20, "peer" if row == 0 else "ours")
        for ms in it["ms_p99"]:
            x = LEFT + ms / most_ms * PLOT
            drawing.line([(x, y - 2), (x, y + 22)], "mark")
        drawing.text(LEFT + PLOT + 85, y + 15, f"{ms_p99:.1f} ms", "", "end")
        drawing.text(LEFT + PLOT + 150, y + 15, f"{it['p99_over_without']:.2f} x", "", "end")
    return drawing.render()
