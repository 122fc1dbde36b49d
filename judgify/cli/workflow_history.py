"""`judgify workflow list | show | history`: what is published, what judges, who decided that."""

from typing import Annotated, Any

import typer

from judgify.cli.author import Tenant, WorkflowId
from judgify.cli.console import print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.published import SHORT, TENANT, Published, open_published
from judgify.cli.terminal_text import printable
from rules.workflow.book import ActiveFrom, PublishedVersion
from runtime.clock import format_ms
from schemas.errors import FatalError
from topics.workflow_records import VersionKey

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_workflows(
    *, tenant: Tenant = TENANT, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """List the workflows, the version of each that is active, since when and by whom."""
    with open_published(open_context(data_dir), tenant) as published:
        rows = [_summary(published, workflow_id) for workflow_id in published.workflow_ids()]
    if as_json:
        print_json(rows)
    elif not rows:
        say("no workflow is published; judgify workflow publish FILE --activate")
    else:
        columns = ("workflow", "active", "version", "since", "by", "versions", "title")
        keys = ("workflow_id", "active", "version", "since", "author", "versions", "title")
        shown = [row | {"version": (row["version"] or "-")[:SHORT]} for row in rows]
        print_table(columns, [[row[key] for key in keys] for row in shown])


@app.command()
def show(
    workflow_id: WorkflowId,
    *,
    version: Annotated[
        str, typer.Option("--version", "-v", help="Number, hex prefix, @active or @previous.")
    ] = "@active",
    tenant: Tenant = TENANT,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a version as its author wrote it; with --json the document that judges."""
    with open_published(open_context(data_dir), tenant, keeps_sources=True) as published:
        found = published.find(workflow_id, version)
        source = published.feed.sources.get(VersionKey(tenant, workflow_id, found.version))
        name = published.name(workflow_id, found.version)
    if as_json:
        print_json(_as_version(found) | {"document": found.document, "source": source})
        return
    say(f"# {name}, published {format_ms(found.at_ms)} by {found.author} {found.note}".rstrip())
    if source is None:
        print_json(found.document)
    else:
        typer.echo(printable(source), nl=not source.endswith("\n"))


@app.command()
def history(
    workflow_id: WorkflowId,
    *,
    tenant: Tenant = TENANT,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show the versions of a workflow, and which of them was in force from when."""
    with open_published(open_context(data_dir), tenant) as published:
        timeline = published.timeline(workflow_id)
        activations = [_as_activation(published, workflow_id, it) for it in timeline.activations]
    if not timeline.versions and not activations:
        raise FatalError(f"no workflow {workflow_id} is published; judgify workflow list")
    versions = [_as_version(it) for it in timeline.versions]
    if as_json:
        print_json({"versions": versions, "activations": activations})
        return
    _print_versions(versions)
    say()
    _print_activations(activations)


def _summary(published: Published, workflow_id: str) -> dict[str, Any]:
    active = published.active(workflow_id)
    timeline = published.timeline(workflow_id)
    newest = timeline.activations[-1] if timeline.activations else None
    since_ms = published.in_force_since(workflow_id, active.version) if active else None
    title = (active or timeline.versions[-1]).document.get("title") if timeline.versions else None
    return {
        "workflow_id": workflow_id,
        "title": title,
        "active": None if active is None else f"{workflow_id}@{active.number}",
        "version": None if active is None else active.version,
        "since": None if since_ms is None else format_ms(since_ms),
        "author": None if newest is None else newest.author,
        "versions": len(timeline.versions),
    }


def _as_version(found: PublishedVersion) -> dict[str, Any]:
    return {
        "number": found.number,
        "version": found.version,
        "published_at": format_ms(found.at_ms),
        "author": found.author,
        "note": found.note,
        "problem": found.problem,
    }


def _as_activation(published: Published, workflow_id: str, active: ActiveFrom) -> dict[str, Any]:
    timeline = published.timeline(workflow_id)
    found = None if active.version is None else timeline.version(active.version)
    return {
        "number": None if found is None else found.number,
        "version": active.version,
        "in_force_from": format_ms(active.from_ms),
        "author": active.author,
        "note": active.note,
        "offset": active.offset,
    }


def _print_versions(versions: list[dict[str, Any]]) -> None:
    columns = ("number", "version", "published", "by", "note")
    rows = [
        (it["number"], it["version"][:SHORT], it["published_at"], it["author"], it["note"])
        for it in versions
    ]
    print_table(columns, rows)


def _print_activations(activations: list[dict[str, Any]]) -> None:
    columns = ("in force from", "number", "version", "by", "note")
    rows = [
        (
            it["in_force_from"],
            it["number"],
            it["version"][:SHORT] if it["version"] else "retired",
            it["author"],
            it["note"],
        )
        for it in activations
    ]
    print_table(columns, rows)
