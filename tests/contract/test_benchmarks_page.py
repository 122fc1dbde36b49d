"""The page about benchmarks says what the reports say, and has a place for every part."""

from pathlib import Path

import pytest

from bench.page import BLOCK, PAGE, RESULTS, ROOT, load_reports, render_files
from bench.parts import PARTS

HOW = "run `python -m bench report` and commit what it writes"
REPORTS = load_reports(ROOT / RESULTS)
FILES = render_files(ROOT, REPORTS)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_page_and_charts_are_made_of_the_reports(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == FILES[path], HOW


def test_every_part_has_its_place_on_the_page() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")

    assert [block[1] for block in BLOCK.findall(page)] == list(PARTS)


def test_every_report_is_of_a_part() -> None:
    assert set(REPORTS) <= set(PARTS)
    assert {report["part"] for report in REPORTS.values()} == set(REPORTS)


def test_every_chart_is_shown_on_the_page() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")

    for path in FILES:
        if path != PAGE:
            assert f"({path.relative_to(PAGE.parent)})" in page
