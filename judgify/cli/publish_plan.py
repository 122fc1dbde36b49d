"""What publishing a version would change: the parts of the document, and past verdicts."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from judgify.cli.console import note, print_table, say
from judgify.cli.context import CliContext
from judgify.cli.inputs import Row, open_rows
from judgify.cli.judge_run import Run
from rules.workflow.compiled import CompiledWorkflow
from schemas.errors import DependencyError

STORED_MAX: Final = 1_000
"""Newest stored judgments that are judged again for the plan."""
CHANGES_SHOWN_MAX: Final = 50
SPELLED_CHARACTERS_MAX: Final = 80
"""Of one changed value."""

_NAMED: Final = frozenset({"input", "constants", "derive", "verdicts"})
"""Parts that hold named things."""


def describe_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs between two documents, one line each, part by part."""
    lines: list[str] = []
    for part in dict.fromkeys((*after, *before)):
        old, new = before.get(part), after.get(part)
        if old == new:
            continue
        if part == "rules":
            lines += _compare_named("rule", _by_id(old), _by_id(new))
            lines += _compare_order(_by_id(old), _by_id(new))
        elif part in _NAMED:
            lines += _compare_named(part, old or {}, new or {})
        else:
            lines.append(f"{part} {_verb(old, new)}")
    return lines


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
    for _ in run.judge(rows):
        pass
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
    say(f"{run.flips_count:,} of them are judged otherwise than by the active version")
    if run.flips:
        rows = [
            (flip.line, flip.subject, flip.before, flip.before_rule, flip.after, flip.after_rule)
            for flip in run.flips
        ]
        print_table(("event", "subject", "before", "rule", "after", "rule"), rows)


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


def _by_id(rules: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {rule["id"]: rule for rule in rules or ()}


def _compare_named(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            yield f"{kind} {name} {_verb(old.get(name), new.get(name))}"


def _compare_order(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield "the rules are tried in another order"


def _verb(old: object, new: object) -> str:
    if old is None:
        return "added"
    return "removed" if new is None else f"changed{_values(old, new)}"


def _values(old: object, new: object) -> str:
    """Return both values where they are short; of two mappings the entries that differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        parts = [
            f"{key}: {_spell(old.get(key))} → {_spell(new.get(key))}"
            for key in dict.fromkeys((*old, *new))
            if old.get(key) != new.get(key)
        ]
        return f" ({'; '.join(parts)})"
    if isinstance(old, list) or isinstance(new, list):
        return ""
    return f" ({_spell(old)} → {_spell(new)})"


def _spell(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= SPELLED_CHARACTERS_MAX else f"{text[: SPELLED_CHARACTERS_MAX - 1]}…"
