"""Compare what tests without services cover with the limits: `coverage_gate.py DATA_FILE`.

Lines and branches count alike. What only `make test` can reach counts as not covered.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from coverage import Coverage
from coverage.exceptions import CoverageException

Limits = Mapping[str, float]
"""Path prefix, empty for everything, to the least percentage."""

LIMITS: Final[Limits] = {
    "": 80,
    "rules/": 90,
    "schemas/": 90,
    "stream/": 90,
    "agents/rule.py": 90,
}


class Share(NamedTuple):
    """How much of what starts with `prefix` was run."""

    prefix: str
    percent: float
    least: float

    @property
    def holds(self) -> bool:
        return self.percent >= self.least

    def describe(self) -> str:
        verdict = "ok" if self.holds else "TOO LOW"
        name = self.prefix or "everything"
        return f"coverage: {name:<16}{self.percent:6.1f} %  (at least {self.least:g} %)  {verdict}"


def measure(files: Mapping[str, Any], limits: Limits) -> list[Share]:
    """Return one share per limit, from the `files` of coverage's JSON report.

    Nothing found under a prefix is 0 %: a limit on what is not there was renamed away.
    """
    return [Share(prefix, _percent(files, prefix), least) for prefix, least in limits.items()]


def _percent(files: Mapping[str, Any], prefix: str) -> float:
    ours = [file["summary"] for name, file in files.items() if name.startswith(prefix)]
    total = sum(one["num_statements"] + one["num_branches"] for one in ours)
    covered = sum(one["covered_lines"] + one["covered_branches"] for one in ours)
    return 100 * covered / total if total else 0.0


def load_files(data_file: str) -> Mapping[str, Any]:
    """Return the `files` of the JSON report over `data_file`.

    Raises:
        CoverageException: it is missing or cannot be read.
    """
    coverage = Coverage(data_file=data_file)
    coverage.load()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.json")
        coverage.json_report(outfile=str(report))
        files: Mapping[str, Any] = json.loads(report.read_text())["files"]
        return files


def main(data_file: str) -> int:
    """Print each share; return 1 when one is below its limit."""
    try:
        shares = measure(load_files(data_file), LIMITS)
    except CoverageException as error:
        print(f"coverage: {error} (`make unit` writes {data_file})")
        return 1
    for share in shares:
        print(share.describe())
    return 0 if all(share.holds for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
