"""Compare measured coverage with the limits: `coverage_gate.py check|all`.

`check` judges what needs no service; `all` adds what `make test` ran, agents in processes of their
own included. Lines and branches count alike.
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

PURE: Final[Limits] = {"rules/": 90, "schemas/": 90, "agents/rule.py": 90}
STAGES: Final[Mapping[str, tuple[tuple[str, ...], Limits]]] = {
    "check": ((".coverage.check",), PURE),
    "all": ((".coverage.check", ".coverage.test"), {**PURE, "stream/": 90, "": 80}),
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


def load_files(names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the `files` of the JSON report over the data files `names` together.

    Raises:
        CoverageException: a data file is missing or cannot be read.
    """
    with tempfile.TemporaryDirectory() as directory:
        coverage = Coverage(data_file=str(Path(directory, "combined")))
        coverage.combine(list(names), strict=True, keep=True)
        report = Path(directory, "report.json")
        coverage.json_report(outfile=str(report))
        files: Mapping[str, Any] = json.loads(report.read_text())["files"]
        return files


def main(stage: str) -> int:
    """Print each share; return 1 when one is below its limit."""
    names, limits = STAGES[stage]
    try:
        shares = measure(load_files(names), limits)
    except CoverageException as error:
        print(f"coverage: {error} (needed: {' and '.join(names)}, from make check and make test)")
        return 1
    for share in shares:
        print(share.describe())
    return 0 if all(share.holds for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
