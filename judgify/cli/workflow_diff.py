"""`judgify workflow diff A B`: what differs between two workflows, and which verdicts flip."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from judgify.cli.author import Tenant
from judgify.cli.console import fail, print_json, print_table, say
from judgify.cli.context import DataDir
from judgify.cli.flips import print_flips
from judgify.cli.inputs import open_rows
from judgify.cli.json_option import Json
from judgify.cli.judge_run import Run
from judgify.cli.row_progress import judge_all
from judgify.cli.workflow_source import (
    is_file_reference,
    load_workflow,
    resolve_reference,
    show_problems,
)
from rules.workflow.changes import PartChange, compare_documents
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.problems import WorkflowErrors
from schemas.errors import PipelineError

EXIT_DIFFERENT: Final = 1
EXIT_TROUBLE: Final = 2
"""As `diff` has it: a difference must not be taken for a failure, nor the reverse."""
SHORT: Final = 12

app = typer.Typer(no_args_is_help=True)

Reference = "A file, or a published one: milling@14, milling@0f3a, @active, @previous."


@app.command()
def diff(  # noqa: PLR0913 -- one parameter per option
    before: Annotated[str, typer.Argument(metavar="A", help=Reference)],
    after: Annotated[str, typer.Argument(metavar="B", help=Reference)],
    *,
    source: Annotated[
        Path | None,
        typer.Option("--input", "-i", help="Events (.csv, .ndjson, .json) to judge by both."),
    ] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show what differs from A to B; with --input, which verdicts flip.

    Exit code 0: the same document; 1: they differ; 2: there is no such workflow or file.
    """
    try:
        old, new = _load_both(before, after, data_dir, tenant)
        run = None if source is None else _judge(old, new, source)
    except WorkflowErrors as errors:
        show_problems(errors.problems)
        raise typer.Exit(EXIT_TROUBLE) from errors
    except PipelineError as error:
        fail(str(error), code=EXIT_TROUBLE)
    changes = compare_documents(old.document, new.document)
    if as_json:
        print_json(_as_json(old, new, changes, run))
    else:
        _print_changes(old, new, changes)
        if run is not None:
            say()
            print_flips(run, other=_name(old))
    raise typer.Exit(EXIT_DIFFERENT if changes else 0)


def _load_both(
    before: str, after: str, data_dir: Path | None, tenant: str
) -> tuple[CompiledWorkflow, CompiledWorkflow]:
    """Return both workflows; where only one of them is named, the other is of the same name."""
    if _is_named(before) or not _is_named(after):
        old = load_workflow(before, data_dir, tenant)
        return old, load_workflow(resolve_reference(after, old.id), data_dir, tenant)
    new = load_workflow(after, data_dir, tenant)
    return load_workflow(resolve_reference(before, new.id), data_dir, tenant), new


def _is_named(reference: str) -> bool:
    return is_file_reference(reference) or "@" in reference[1:]


def _judge(old: CompiledWorkflow, new: CompiledWorkflow, source: Path) -> Run:
    run = Run(new, old)
    judge_all(run, open_rows(source, new))
    return run


def _print_changes(
    old: CompiledWorkflow, new: CompiledWorkflow, changes: Iterable[PartChange]
) -> None:
    say(f"{_name(old)} → {_name(new)}")
    if old.version == new.version:
        say("the same document")
    for part, group in groupby(changes, key=lambda change: change.part):
        say()
        say(part, style="bold")
        print_table(("name", "what", "before", "after"), _rows(group))


def _rows(changes: Iterable[PartChange]) -> Iterator[tuple[str, str, str, str]]:
    """Yield one row for each value that differs, the old one beside the new one."""
    for change in changes:
        for what, before, after in change.details():
            yield change.name or "", what, _spell(before), _spell(after)


def _spell(value: Any) -> str:
    """Return a value of a document on as few lines as it can be read on."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_spell_short(each)}" for key, each in value.items())
    return "-" if value is None else _spell_short(value)


def _spell_short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_spell_short(each)}" for key, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_spell_short, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(workflow: CompiledWorkflow) -> str:
    return f"{workflow.id} {workflow.version[:SHORT]}"


def _as_json(
    old: CompiledWorkflow,
    new: CompiledWorkflow,
    changes: Iterable[PartChange],
    run: Run | None,
) -> dict[str, Any]:
    return {
        "before": {"workflow_id": old.id, "version": old.version},
        "after": {"workflow_id": new.id, "version": new.version},
        "equal": old.version == new.version,
        "changes": [asdict(change) for change in changes],
        "requests": None if run is None else run.requests,
        "flips": None if run is None else run.flips_summary(),
    }
