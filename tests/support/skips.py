"""A plugin of pytest: where `CI` is set, a test that is skipped has failed.

Whatever skips it, and wherever: a mark, a fixture, a module that cannot be imported, parameters of
which there are none. A pipeline that silently tests nothing is worse than a red one.
"""

import os
from collections.abc import Generator
from typing import Final, TypeVar

import pytest

NO_RIGHT_TO_MOUNT: Final = "no right to mount a small disk"
MAY_BE_MISSING: Final = ("the public data set is not at ", NO_RIGHT_TO_MOUNT)
"""How reasons begin that hold in CI too: what no package registry has, a bare machine or a container
lacks. The summary names each of them."""

Report = pytest.TestReport | pytest.CollectReport
ReportT = TypeVar("ReportT", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _refuse_skip(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refuse_skip(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [it for it in terminalreporter.getreports("skipped") if not hasattr(it, "wasxfail")]
    if skipped:
        terminalreporter.section("NOT TESTED HERE")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {_find_reason(report)}")


def _refuse_skip(report: ReportT) -> ReportT:
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = _find_reason(report)
        if not reason.startswith(MAY_BE_MISSING):
            report.outcome = "failed"
            report.longrepr = f"skipped, and CI is set: {reason}"
    return report


def _find_reason(report: Report) -> str:
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told).removeprefix("Skipped: ")
