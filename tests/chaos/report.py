"""The report of a run: one table for the eye, and what to do when something broke."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.chaos.checker import Verdict
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import BY_LLM

_COUNTS: Final = (
    ("accepted", "SELECT count(*) FROM sent WHERE offset IS NOT NULL"),
    ("in the log", "SELECT count(*) FROM requests"),
    ("escalated", "SELECT count(DISTINCT o_partition || '/' || o_offset) FROM escalations"),
    (
        "answered by an LLM",
        f"SELECT count(*) FROM stored WHERE content LIKE '{BY_LLM}'",
    ),
    ("judged", "SELECT count(*) FROM stored"),
    ("duplicates", "SELECT count(*) FROM duplicates"),
    ("buried", "SELECT count(*) FROM buried"),
    (
        "delivered again",
        "SELECT count(*) - count(DISTINCT o_partition * 1000000000 + o_offset) FROM results",
    ),
    ("deaths", "SELECT count(*) FROM ended WHERE cause NOT IN ('leave', 'stop') OR cause IS NULL"),
    ("largest agent, MiB", "SELECT max(rss_mib) FROM vitals"),
    ("slowest recovery, s", "SELECT max(took_s) FROM recoveries"),
    ("slowest SIGTERM, s", "SELECT max(term_took_s) FROM ended WHERE cause IN ('leave', 'stop')"),
    ("drained in, s", "SELECT value FROM facts WHERE name = 'converge_s'"),
)


def count(evidence: Evidence) -> dict[str, float]:
    """Return the numbers of a run, by what they count."""
    return {name: evidence.value(question) for name, question in _COUNTS}


def print_run(
    console: Console, seed: int, evidence: Evidence, verdicts: Sequence[Verdict], kept: Path
) -> None:
    """Print what happened, what held, and on failure the first offenders and how to go on."""
    table = Table("invariant", "holds", title=f"seed {seed}", title_justify="left")
    for verdict in verdicts:
        mark = "yes" if verdict.holds else f"[bold red]NO[/], {verdict.broken}"
        table.add_row(f"{verdict.invariant.code:<6}{verdict.invariant.title}", mark)
    console.print(table)
    numbers = (f"{name} {value}" for name, value in count(evidence).items())
    console.print("  " + " · ".join(numbers))
    for (lines,) in evidence.ask("SELECT value FROM facts WHERE name IN ('skipped', 'late')"):
        for line in json.loads(lines):
            console.print(f"  [bold yellow]SKIPPED[/] {line}")
    for verdict in verdicts:
        for line in verdict.named:
            console.print(f"  {verdict.invariant.code}: {line}", markup=False, soft_wrap=True)
    if not all(verdict.holds for verdict in verdicts):
        replay = f"  replay: python -m tests.chaos --schedule {kept / 'schedule.json'}"
        console.print(replay, soft_wrap=True)
        console.print("  evidence.sqlite answers further questions; logs/ is beside it")
        console.print(f"  kept: {kept}", soft_wrap=True)
