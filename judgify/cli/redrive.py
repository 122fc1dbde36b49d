"""`judgify dead-letters redrive`: sends what was buried again; shows first what it would do."""

import asyncio
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from judgify.cli.author import Author
from judgify.cli.console import console, fail, note, print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.since import SinceOption, UntilOption
from judgify.redrive.plan import EXAMPLES_MAX, Plan
from judgify.redrive.run import Order, Outcome, ShowProgress, make_plan, run_redrive
from judgify.replay.interrupt import catch_interrupt
from schemas.errors import FatalError
from sinks.postgres.redrive_queries import LetterId, Place, Selection
from topics.peeking import find_topic

LETTERS_MAX: Final = 10_000
"""Of one redrive: their names are held in memory, and a person is to look at the plan."""
PLACES_MAX: Final = 1_000
RATE_PER_S: Final = 500.0

_is_place: Final = re.compile(
    r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})(?:/[0-9]{1,18})?"
).fullmatch


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
    rate: Annotated[
        float, typer.Option(min=1, max=100_000, help="How many per second at most.")
    ] = RATE_PER_S,
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
    prefix = context.settings.topic_prefix
    wanted = Selection(
        places=_parse_places(places or (), prefix),
        topic=find_topic(topic, prefix) if topic else None,
        agent=agent, kind=kind, code=code, since=since, until=until,
    )  # fmt: skip
    if yes and wanted == Selection():
        raise FatalError("say which: name records, or choose by --code, --kind, --agent, --since")
    order = Order(
        context.kafka, context.need_database(), prefix, wanted, limit, author, rate, again
    )
    plan = asyncio.run(make_plan(order))
    missing = _find_missing(wanted.places, plan)
    if not as_json:
        _show(plan, missing)
    outcome = _carry_out(order, plan) if yes and plan.todo else None
    if as_json:
        print_json(_summarize(plan, missing, outcome))
    elif outcome is not None:
        _show_outcome(outcome)
    elif plan.todo:
        say("nothing was sent; to do it, say the same with --yes", style="bold")
    if outcome is not None and outcome.failure is not None:
        fail(str(outcome.failure), hint="say the same again: what was sent is marked as sent")
    named_in_vain = wanted.places and (missing or len(plan.todo) < plan.matched)
    if named_in_vain or not plan.matched or (outcome is not None and outcome.refused):
        raise typer.Exit(1)


def _carry_out(order: Order, plan: Plan) -> Outcome:
    with catch_interrupt() as stop, _progress_bar(len(plan.todo)) as progress:
        return asyncio.run(run_redrive(order, plan, progress, stop))


def _parse_places(texts: Iterable[str], prefix: str) -> tuple[Place, ...]:
    places = []
    for text in texts:
        match = _is_place(text)
        if match is None:
            raise FatalError(
                f"{text!r} is not TOPIC/PARTITION/OFFSET: see `judgify dead-letters list`"
            )
        places.append(Place(find_topic(match[1], prefix), int(match[2]), int(match[3])))
    if len(places) > PLACES_MAX:
        raise FatalError(f"{len(places)} records are named, at most {PLACES_MAX} can be")
    return tuple(places)


def _find_missing(places: Sequence[Place], plan: Plan) -> list[str]:
    """Return the named records of which no dead letter is stored."""
    return [_spell(place) for place in places if place not in plan.places]


def _spell(place: Sequence[Any]) -> str:
    return f"{place[0]}/{place[1]}/{place[2]}"


def _show(plan: Plan, missing: Sequence[str]) -> None:
    for text in missing:
        note(f"no dead letter of {text} is stored (is postgres-sink behind? `judgify status`)")
    if not plan.matched:
        say("no such dead letter is stored")
        return
    print_table(
        ("records", "buried by", "kind", "code", "to"),
        [
            (count, it.agent, it.kind, it.code, it.fate.destination or f"✗ {it.fate.obstacle}")
            for it, count in plan.counts.most_common()
        ],
    )
    for line in _examples(plan):
        say(line)


def _examples(plan: Plan) -> Iterator[str]:
    for letter in plan.todo[:EXAMPLES_MAX]:
        yield f"  {_spell(letter)}"
    if len(plan.todo) > EXAMPLES_MAX:
        yield f"  … and {len(plan.todo) - EXAMPLES_MAX:,} more can be sent again"
    for letter, obstacle in plan.refused:
        yield f"  ✗ {_spell(letter)}: {obstacle}"
    if plan.has_more:
        yield f"more match than --limit {plan.matched:,}: the others wait for another redrive"


def _show_outcome(outcome: Outcome) -> None:
    told = ", ".join(f"{count:,} to {where}" for where, count in outcome.sent.items() if count)
    say(f"sent again: {told or 'nothing'}")
    if outcome.skipped:
        say(f"{outcome.skipped:,} changed meanwhile and were left as they are")
    for letter, reason in outcome.refused[:EXAMPLES_MAX]:
        say(f"  ✗ {_spell(letter)}: {reason}")


def _summarize(plan: Plan, missing: Sequence[str], outcome: Outcome | None) -> dict[str, Any]:
    return {
        "dry_run": outcome is None,
        "matched": plan.matched,
        "can_be_sent": len(plan.todo),
        "has_more": plan.has_more,
        "not_stored": missing,
        "groups": [
            {
                "records": count,
                "agent": it.agent,
                "kind": it.kind,
                "code": it.code,
                "destination": it.fate.destination,
                "obstacle": it.fate.obstacle or None,
            }
            for it, count in plan.counts.most_common()
        ],
        "sent": outcome.sent if outcome else {},
        "changed_meanwhile": outcome.skipped if outcome else 0,
        "refused": _describe_refused(plan.refused + (outcome.refused if outcome else [])),
        "failure": str(outcome.failure) if outcome and outcome.failure else None,
    }


def _describe_refused(refused: Iterable[tuple[LetterId, str]]) -> list[dict[str, str]]:
    return [{"record": _spell(letter), "reason": reason} for letter, reason in refused]


@contextmanager
def _progress_bar(total: int) -> Generator[ShowProgress]:
    """Show a bar on a terminal's stderr; gone afterwards."""
    columns = (TextColumn("sending again"), BarColumn(), MofNCompleteColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("sending again", total=total)
        yield lambda done: bar.update(task, completed=done)
