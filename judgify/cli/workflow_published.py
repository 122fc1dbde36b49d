"""`judgify workflow publish | activate | rollback | retire`: changes what judges, for everybody."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from judgify.cli import workflow_history
from judgify.cli.activating import publish_activation, say_activated
from judgify.cli.author import Author, Note, Tenant, WorkflowId
from judgify.cli.console import say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.cli.publish_plan import show_plan
from judgify.cli.published import SHORT, TENANT, Published, open_published
from judgify.cli.workflow_local import check
from judgify.cli.workflow_source import read_document
from rules.workflow.book import PublishedVersion
from rules.workflow.reader import WorkflowDocument
from runtime.clock import format_ms
from schemas.errors import FatalError
from schemas.workflow_record import Activation
from topics.workflow_publishing import publish_version

app = typer.Typer(no_args_is_help=True)

NoWait = Annotated[bool, typer.Option("--no-wait", help="Return before it is in force.")]


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what judged otherwise, and why."""

    tenant: str
    workflow_id: str
    author: str
    note: str


@app.command()
def publish(  # noqa: PLR0913 -- one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The workflow: YAML or JSON.")],
    *,
    source: Annotated[
        Path | None,
        typer.Option("--input", "-i", help="Events to show which verdicts would flip."),
    ] = None,
    activates: Annotated[bool, typer.Option("--activate", help="Activate it as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    author: Author,
    note: Note = "",
    tenant: Tenant = TENANT,
    data_dir: DataDir = None,
) -> None:
    """Publish a workflow, after showing what it changes; it judges once it is activated."""
    check(file)
    document = read_document(file)
    context = open_context(data_dir)
    order = Order(tenant, document.id, author, note)
    with open_published(context, tenant) as published:
        active = published.active(document.id)
        show_plan(context, tenant, document.compile(), active.compiled if active else None, source)
        known = published.timeline(document.id).version(document.version)
        if known is not None and (known == active or not activates):
            _say_nothing_to_do(published, document.id, known, active)
            return
        _confirm(_question(document, known, activates=activates), yes=yes)
        if known is None:
            known = _publish_version(context, published, document, order)
        name = published.name(document.id, known.version)
    if activates:
        _put_in_force(context, order, known.version, name, waits=not no_wait)
    else:
        say(f"to judge by it: judgify workflow activate {document.id} --version {known.number}")


@app.command()
def activate(  # noqa: PLR0913 -- one parameter per option
    workflow_id: WorkflowId,
    *,
    version: Annotated[
        str, typer.Option("--version", "-v", help="Number, hex prefix, or @previous.")
    ],
    no_wait: NoWait = False,
    author: Author,
    note: Note = "",
    tenant: Tenant = TENANT,
    data_dir: DataDir = None,
) -> None:
    """Put a version in force, everywhere at one instant; return when it is."""
    order = Order(tenant, workflow_id, author, note)
    _activate(open_context(data_dir), order, version, waits=not no_wait)


@app.command()
def rollback(  # noqa: PLR0913 -- one parameter per option
    workflow_id: WorkflowId,
    *,
    no_wait: NoWait = False,
    author: Author,
    note: Note = "",
    tenant: Tenant = TENANT,
    data_dir: DataDir = None,
) -> None:
    """Put the version back in force that was so before; return when it is."""
    order = Order(tenant, workflow_id, author, note)
    _activate(open_context(data_dir), order, "@previous", waits=not no_wait)


@app.command()
def retire(  # noqa: PLR0913 -- one parameter per option
    workflow_id: WorkflowId,
    *,
    no_wait: NoWait = False,
    author: Author,
    note: Note = "",
    tenant: Tenant = TENANT,
    data_dir: DataDir = None,
) -> None:
    """Take a workflow out of force: its requests get `workflow_not_found` from then on."""
    context = open_context(data_dir)
    with open_published(context, tenant) as published:
        published.find(workflow_id, "@active")
    order = Order(tenant, workflow_id, author, note)
    _put_in_force(context, order, None, f"{workflow_id} retired", waits=not no_wait)


def _activate(context: CliContext, order: Order, reference: str, *, waits: bool) -> None:
    with open_published(context, order.tenant) as published:
        found = published.find(order.workflow_id, reference)
        name = published.name(order.workflow_id, found.version)
        since_ms = published.in_force_since(order.workflow_id, found.version)
    if found.compiled is None:
        raise FatalError(f"{name} does not compile, so it cannot judge: {found.problem}")
    if since_ms is not None:
        say(f"{name} is active already, since {format_ms(since_ms)}")
        return
    _put_in_force(context, order, found.version, name, waits=waits)


def _put_in_force(
    context: CliContext, order: Order, version: str | None, name: str, *, waits: bool
) -> None:
    activation = Activation(
        tenant=order.tenant,
        workflow_id=order.workflow_id,
        version=version,
        delay_ms=context.settings.activation_delay_ms,
        author=order.author,
        note=order.note,
    )
    activated = publish_activation(context, activation)
    say_activated(activated, name if version is None else f"{name} in force", waits=waits)


def _publish_version(
    context: CliContext, published: Published, document: WorkflowDocument, order: Order
) -> PublishedVersion:
    """Publish the document and return it as every agent has it now."""
    publish_version(
        context.kafka,
        context.settings.topic_prefix,
        order.tenant,
        document,
        author=order.author,
        note=order.note,
    )
    found = published.wait_for(document.id, document.version)
    say(f"published {published.name(document.id, found.version)}")
    return found


def _say_nothing_to_do(
    published: Published, workflow_id: str, known: PublishedVersion, active: PublishedVersion | None
) -> None:
    name = published.name(workflow_id, known.version)
    if known == active:
        say(f"{name} is published already, and active")
        return
    say(f"{name} is published already")
    say(f"to judge by it: judgify workflow activate {workflow_id} --version {known.number}")


def _question(
    document: WorkflowDocument, known: PublishedVersion | None, *, activates: bool
) -> str:
    steps = [*([] if known else ["publish"]), *(["activate"] if activates else [])]
    return f"{' and '.join(steps)} {document.id} {document.version[:SHORT]}?"


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise FatalError("nobody is there to ask: add --yes")
    typer.confirm(question, abort=True)


def register(group: typer.Typer) -> None:
    """Add the commands about published workflows to `judgify workflow`."""
    group.add_typer(app)
    group.add_typer(workflow_history.app)
