"""What publishing a version would change: the parts of the document, and past verdicts."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from judgify.cli.console import note, say
from judgify.cli.context import CliContext
from judgify.cli.flips import print_flips
from judgify.cli.inputs import Row, open_rows
from judgify.cli.judge_run import Run
from judgify.cli.row_progress import judge_all
from rules.workflow.changes import PartChange, compare_documents
from rules.workflow.compiled import CompiledWorkflow
from schemas.errors import DependencyError

STORED_MAX: Final = 1_000
"""Newest stored judgments that are judged again for the plan."""
CHANGES_SHOWN_MAX: Final = 50
SPELLED_CHARACTERS_MAX: Final = 80
"""Of one changed value."""

_SINGULAR: Final = {"rules": "rule", "tests": "test", "actions": "action"}


def describe_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs between two documents, one line each, part by part."""
    return [_describe(change) for change in compare_documents(before, after)]


def show_plan(
    context: CliContext,
    tenant: str,
    new: CompiledWorkflow,
    old: CompiledWorkflow | None,
    source: Path | None,
) -> None:
    """Say what the new version changes against the active one, and which verdicts would flip."""
    rows: Iterable[Row] = []
    if source is not None:
        rows = open_rows(source, new)
    elif old is not None:
        rows = _fetch_stored(context, tenant, new.id)
    if old is None:
        say(f"{new.id} has no active version to compare with")
    else:
        _say_changes(describe_changes(old.document, new.document))
    run = Run(new, old)
    judge_all(run, rows)
    if run.requests:
        origin = "stored judgments" if source is None else str(source)
        _say_verdicts(run, origin)


def _say_changes(lines: list[str]) -> None:
    say("against the active version:" if lines else "no part differs from the active version")
    for line in lines[:CHANGES_SHOWN_MAX]:
        say(f"  {line}")
    if len(lines) > CHANGES_SHOWN_MAX:
        say(f"  and {len(lines) - CHANGES_SHOWN_MAX} more")


def _say_verdicts(run: Run, origin: str) -> None:
    counts = ", ".join(f"{name} {count:,}" for name, count in run.by_status.most_common())
    verdicts = ", ".join(f"{name} {count:,}" for name, count in run.by_verdict.most_common())
    say(f"of {run.requests:,} events ({origin}): {counts}; verdicts: {verdicts or 'none'}")
    if run.against is None:
        return
    print_flips(run, other="the active version", where="event")


def _fetch_stored(context: CliContext, tenant: str, workflow_id: str) -> Iterable[Row]:
    """Return the newest stored events of the workflow; none without a database."""
    if context.database_url is None:
        return []
    # A command without a database must not wait for the import of its client.
    from sinks.postgres.queries import JudgmentFilter, fetch_judgments  # noqa: PLC0415 -- as said

    wanted = JudgmentFilter(tenant=tenant, workflow_id=workflow_id)
    try:
        page = asyncio.run(fetch_judgments(context.database_url, wanted, limit=STORED_MAX))
    except DependencyError as error:
        note(f"no stored judgments to compare: {error.reason}")
        return []
    return [
        Row(number, stored["input_data"], stored["input_data"])
        for number, stored in enumerate(page.rows, 1)
    ]


def _describe(change: PartChange) -> str:
    part = _SINGULAR.get(change.part, change.part) if change.name is not None else change.part
    what = part if change.name is None else f"{part} {change.name}"
    if change.kind == "moved":
        return f"{what} moved (from {change.before} to {change.after})"
    return f"{what} {change.kind}{_values(change)}"


def _values(change: PartChange) -> str:
    """Return both values where they are short; of two mappings the entries that differ."""
    if change.kind != "changed" or isinstance(change.before, list):
        return ""
    if not isinstance(change.before, Mapping):
        return f" ({spell(change.before)} → {spell(change.after)})"
    parts = (f"{key}: {spell(old)} → {spell(new)}" for key, old, new in change.details())
    return f" ({'; '.join(parts)})"


def spell(value: object) -> str:
    """Return a value of a document in one short line."""
    text = "none" if value is None else str(value)
    return text if len(text) <= SPELLED_CHARACTERS_MAX else f"{text[: SPELLED_CHARACTERS_MAX - 1]}…"
