from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.charts import chart_of
from bench.page import CHARTS, PAGE, render_page, write_page
from bench.parts import PARTS
from bench.table import Table
from bench.tables import tables_of, tell_conditions
from bench.whole import format_run
from tests.support.bench_reports import make_report, make_run

SVG = "{http://www.w3.org/2000/svg}"


def test_a_table_is_the_same_for_the_terminal_and_the_page() -> None:
    table = Table(("contender", "rate"), [("ours", "60,000"), ("a loop", "9")], ["Both ran."])

    assert table.as_text() == "contender    rate\nours       60,000\na loop          9\nBoth ran."
    assert table.as_markdown() == (
        "| contender | rate |\n|---|--:|\n| ours | 60,000 |\n| a loop | 9 |\n\nBoth ran."
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_tables_whose_rows_are_as_wide_as_their_heads(part: str) -> None:
    tables = tables_of(make_report(part))

    assert tables
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.headers)}


def test_the_table_tells_rate_ratio_and_who_did_not_commit_or_run() -> None:
    text = tables_of(make_report("whole"))[0].as_text()

    assert "60,000" in text
    assert "1.20 x" in text
    assert "**no**" in text
    assert "Not measured: quix-streams: no index" in text


def test_figures_beside_which_others_worked_are_called_noise() -> None:
    quiet: dict[str, Any] = make_report("whole")["conditions"]

    assert "noise" not in tell_conditions(quiet)
    assert "noise" in tell_conditions(quiet | {"noisy": True})


def test_a_run_that_did_not_commit_says_so() -> None:
    assert "COMMITTED" not in format_run(make_run("plain-faust", 2_900.0))
    assert "NOT ALL COMMITTED" in format_run(make_run("plain-faust", 2_900.0, committed=False))


@pytest.mark.parametrize("part", PARTS)
def test_a_chart_is_well_formed_and_stays_on_its_paper(part: str) -> None:
    chart = chart_of(make_report(part))
    if chart is None:
        assert part in {"guarantee", "sink", "scaling"}
        return

    drawing = ET.fromstring(chart)  # noqa: S314 -- made here

    width, height = float(drawing.get("width", 0)), float(drawing.get("height", 0))
    for shape in drawing.iter(f"{SVG}rect"):
        right = float(shape.get("x", 0)) + float(shape.get("width", 0))
        low = float(shape.get("y", 0)) + float(shape.get("height", 0))
        assert right <= width
        assert low <= height
    for text in drawing.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x", 0)) <= width
        assert 0 <= float(text.get("y", 0)) <= height
    for line in drawing.iter(f"{SVG}polyline"):
        for point in line.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_only_what_stands_between_markers_is_replaced() -> None:
    page = "Before\n<!-- bench:sink -->\nold\n<!-- /bench -->\nAfter\n"

    rendered = render_page(page, {"sink": make_report("sink")})

    assert rendered.startswith("Before\n<!-- bench:sink -->\n| rows per second |")
    assert rendered.endswith("\n<!-- /bench -->\nAfter\n")
    assert "old" not in rendered
    assert render_page(rendered, {"sink": make_report("sink")}) == rendered


def test_a_part_that_was_not_measured_keeps_its_text() -> None:
    page = "<!-- bench:sink -->\nold\n<!-- /bench -->\n"

    assert render_page(page, {"whole": make_report("whole")}) == page


def test_writing_writes_the_page_and_the_charts(tmp_path: Path) -> None:
    (tmp_path / PAGE).parent.mkdir(parents=True)
    (tmp_path / PAGE).write_text("<!-- bench:whole -->\n<!-- /bench -->\n")

    written = write_page(tmp_path, {"whole": make_report("whole")})

    assert written == [tmp_path / PAGE, tmp_path / CHARTS / "whole.svg"]
    assert "60,000" in (tmp_path / PAGE).read_text()
