"""The page `docs/benchmarks.md`: tables between markers, and charts, made of the reports."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from bench.charts import chart_of
from bench.tables import tables_of, tell_conditions

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs/benchmarks.md")
CHARTS: Final = Path("docs/charts")
RESULTS: Final = Path("bench/results")
BLOCK: Final = re.compile(r"(<!-- bench:([a-z]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)

Reports = Mapping[str, Mapping[str, Any]]


def load_reports(directory: Path) -> dict[str, Any]:
    """Return the reports that lie in `directory`, by part."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(directory.glob("*.json"))}


def render_block(report: Mapping[str, Any]) -> str:
    """Return what stands between the markers of one part."""
    tables = [table.as_markdown() for table in tables_of(report)]
    return "\n\n".join([*tables, tell_conditions(report["conditions"])]) + "\n"


def render_page(page: str, reports: Reports) -> str:
    """Return `page` with every block made anew of its report; one without a report is kept."""

    def fill(block: re.Match[str]) -> str:
        start, part, end = block.groups()
        report = reports.get(part)
        return block[0] if report is None else f"{start}{render_block(report)}{end}"

    return BLOCK.sub(fill, page)


def render_files(root: Path, reports: Reports) -> dict[Path, str]:
    """Return what the page and the charts must hold, by path under `root`."""
    page = (root / PAGE).read_text(encoding="utf-8")
    charts = {CHARTS / f"{part}.svg": chart_of(report) for part, report in reports.items()}
    drawn = {path: chart for path, chart in charts.items() if chart is not None}
    return {PAGE: render_page(page, reports), **drawn}


def write_page(root: Path, reports: Reports) -> list[Path]:
    """Write the page and the charts; return the paths written."""
    written = []
    for path, text in render_files(root, reports).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        written.append(root / path)
    return written
