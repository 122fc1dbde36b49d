"""`judgify dead-letters redrive`: sends what was buried again; shows first what it would do."""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from judgify.cli.author import Author
from judgify.cli.console import EXIT_FAILURE, EXIT_INTERRUPTED, console, fail, print_json, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.misuse import typed_by_user
from judgify.cli.redrive_report import show_outcome, show_plan, summarize
from judgify.cli.since import SinceOption, UntilOption
from judgify.redrive.plan import Plan
from judgify.redrive.run import Order, Outcome, ShowProgress, make_plan, run_redrive
from judgify.replay.interrupt import catch_interrupt
from judgify.stack.disk import find_kafka_disk
from runtime.settings import Settings
from schemas.errors import FatalError
from sinks.postgres.redrive_queries import Selection
from topics.control_records import Place, parse_place
from topics.peeking import find_topic

LETTERS_MAX: Final = 10_000
"""Of one redrive: their names are held in memory, and a person is to look at the plan."""
PLACES_MAX: Final = 1_000
RATE_PER_S: Final = 500.0


def redrive(  # noqa: PLR0913 -- one parameter per option
    places: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="Only these records."),
    ] = None,
    *,
    topic: Annotated[str | None, typer.Option(help="Only records of this topic.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only buried by this process.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: bug, skip, …")] = None,
    code: Annotated[str | None, typer.Option(help="Only for this reason: unreadable, …")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, max=LETTERS_MAX, help="How many at most.")] = 1_000,
    rate: Annotated[float, typer.Option(min=1, max=100_000, help="Most in a second.")] = RATE_PER_S,
    again: Annotated[
        bool, typer.Option("--again", help="Also what was sent again before.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, only look.")] = False,
    author: Author,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show which dead letters can be sent again and where they would go; with --yes, do it.

    A request becomes a new record of the requests topic, with its old key and value: it is judged
    by the workflow in force then, and its old place stays buried. A result is stored in PostgreSQL,
    unless its request has a judgment by now. Exit code 1 when a named record cannot be sent.
    """
    context = open_context(data_dir)
    prefix, url = context.settings.topic_prefix, context.need_database()
    named = _parse_places(places or (), prefix)
    from_topic = find_topic(topic, prefix) if topic else None
    wanted = Selection(named, from_topic, agent, kind, code, since, until)
    if yes and wanted == Selection():
        raise FatalError("say which: name records, or choose by --code, --kind, --agent, --since")
    order = Order(context.kafka, url, prefix, wanted, limit, author, rate, again)
    _look_and_send(context.settings, order, yes=yes, as_json=as_json)


def _parse_places(texts: Iterable[str], prefix: str) -> tuple[Place, ...]:
    with typed_by_user():
        places = [parse_place(text) for text in texts]
    if len(places) > PLACES_MAX:
        raise FatalError(f"{len(places)} records are named, at most {PLACES_MAX} can be")
    return tuple(place._replace(topic=find_topic(place.topic, prefix)) for place in places)


def _look_and_send(settings: Settings, order: Order, *, yes: bool, as_json: bool) -> None:
    """Show what `order` would do, do it if told so, and end with the exit code that fits."""
    named = order.wanted.places
    plan = asyncio.run(make_plan(order))
    missing = [place.text for place in named if place not in plan.places]
    if not as_json:
        show_plan(plan, missing)
    outcome = None
    if yes and plan.todo:
        find_kafka_disk(settings).check()
        outcome = _carry_out(order, plan)
    if as_json:
        print_json(summarize(plan, missing, outcome))
    elif outcome is not None:
        show_outcome(outcome)
    elif plan.todo:
        say("nothing was sent; to do it, say the same with --yes", style="bold")
    _refuse_failure(plan, outcome)
    sendable = {letter.place for letter in plan.todo}
    left_back = bool(named) and (bool(missing) or sendable != plan.places)
    if left_back or not plan.matched or (outcome is not None and outcome.refused):
        raise typer.Exit(EXIT_FAILURE)


def _carry_out(order: Order, plan: Plan) -> Outcome:
    with catch_interrupt() as stop, _progress_bar(len(plan.todo)) as progress:
        return asyncio.run(run_redrive(order, plan, progress, stop))


def _refuse_failure(plan: Plan, outcome: Outcome | None) -> None:
    """End with what stopped a redrive before its end."""
    if outcome is None:
        return
    if outcome.failure is not None:
        fail(str(outcome.failure), hint="say the same again: what was sent is marked as sent")
    if outcome.finished < len(plan.todo):
        fail("interrupted", hint="say the same again for the others", code=EXIT_INTERRUPTED)


@contextmanager
def _progress_bar(total: int) -> Generator[ShowProgress]:
    """Show a bar on a terminal's stderr; gone afterwards."""
    columns = (TextColumn("sending again"), BarColumn(), MofNCompleteColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("sending again", total=total)
        yield lambda done: bar.update(task, completed=done)
