"""Fail when too much code is written twice: `duplication_gate.py PACKAGE...`."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

PERCENT_MAX: Final = 3.0
LINES_MIN: Final = 5
"""Shorter repeats are idioms, not copies. Source: the default of jscpd."""

_TOTAL = re.compile(r"TOTAL lines=(\d+) duplicates=(\d+) percent=([\d.]+)")


def fetch_report(packages: list[str]) -> str:
    """Return what pylint's `symilar` finds in the Python files below `packages`."""
    files = sorted(str(path) for name in packages for path in Path(name).rglob("*.py"))
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("symilar")),
            f"--duplicates={LINES_MIN}",
            "--ignore-comments",
            "--ignore-docstrings",
            "--ignore-imports",
            "--ignore-signatures",
            *files,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def parse_percent(report: str) -> float:
    """Return the share of duplicated lines, per cent; raise ValueError when the report has none."""
    total = _TOTAL.search(report)
    if total is None:
        message = f"symilar printed no total; its output changed: {report[-200:]!r}"
        raise ValueError(message)
    return float(total[3])


def main(packages: list[str]) -> int:
    """Print the share, and every repeat when there are too many."""
    report = fetch_report(packages)
    percent = parse_percent(report)
    if percent > PERCENT_MAX:
        print(report)
    print(f"duplication: {percent:.1f} % (at most {PERCENT_MAX:g} %)")
    return int(percent > PERCENT_MAX)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
