"""`judgify db prune`: deletes what PostgreSQL has kept long enough, beside a running sink."""

import asyncio
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from judgify.cli.console import EXIT_INTERRUPTED, console, note, print_json, say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.cli.json_option import Json
from judgify.replay.interrupt import catch_interrupt
from judgify.status.words import size
from schemas.errors import FatalError
from sinks.postgres.prune import Keep, Pruned, Pruning, ShowProgress, Table, count_expired
from sinks.postgres.prune import prune as delete_expired
from topics.lifetimes import fetch_lifetime_ms
from topics.registry import DAY_MS, ESCALATIONS, REQUESTS, RESULTS, full_name

MARGIN_DAYS: Final = 1
"""By which a row outlives its request: Kafka deletes minutes late, and clocks differ."""
Days = Annotated[
    int | None, typer.Option(min=1, help="Instead of the setting.", show_default=False)
]


def prune(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be deleted; delete nothing.")
    ] = False,
    judgments_days: Days = None,
    dead_letters_days: Days = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Delete judgments and dead letters that were kept as long as the settings say; run it daily.

    Goes slice by slice and stops cleanly on Ctrl-C or SIGTERM; a later run goes on from there.
    Refuses to delete what Kafka may still hold the request of: `judgify audit` would miss it.
    """
    context = open_context(data_dir)
    settings = context.settings
    keep = Keep(settings.retention_judgments_days, settings.retention_dead_letters_days)
    keep = replace(
        keep,
        judgments_days=judgments_days or keep.judgments_days,
        dead_letters_days=dead_letters_days or keep.dead_letters_days,
    )
    url = context.need_database()
    refuse_short(keep, _fetch_days_min(context))
    if dry_run:
        _print_expired(asyncio.run(count_expired(url, keep)), keep, as_json=as_json)
        return
    _run(url, keep, as_json=as_json)


def _run(database_url: str, keep: Keep, *, as_json: bool) -> None:
    with catch_interrupt(signal.SIGTERM) as stop:
        pruning = Pruning(stop)
        try:
            with _show_bar() as show:
                asyncio.run(delete_expired(database_url, keep, pruning, show))
        finally:
            # Whatever ended it: what was deleted is deleted, and is said.
            if as_json:
                print_json(summarize(pruning))
            else:
                say("\n".join(describe(pruning)))
    if stop.is_set():
        note("interrupted; run it again, it goes on from there")
        raise typer.Exit(EXIT_INTERRUPTED)


def refuse_short(keep: Keep, days_min: int) -> None:
    """Check that rows outlive the requests they are about.

    Raises:
        FatalError: names the setting, the bound, and what bounds it.
    """
    named = (
        ("retention.judgments_days", keep.judgments_days),
        ("retention.dead_letters_days", keep.dead_letters_days),
    )
    for name, days in named:
        if days < days_min:
            raise FatalError(
                f"{name} is {days}, and must be at least {days_min}: Kafka may hold a request and "
                f"then its result for {days_min - MARGIN_DAYS} days (retention.ms + segment.ms of "
                "both topics); the audit would call it left over, or it would be stored again"
            )


def _fetch_days_min(context: CliContext) -> int:
    """Return how many days rows must be kept.

    A request may be judged at the end of its life, and its outcome live as long again: judged or
    stored once more by then, it must still meet its row.

    Raises:
        FatalError: Kafka keeps requests or their outcomes for ever.
    """
    prefix = context.settings.topic_prefix
    requests = full_name(REQUESTS, prefix)
    outcomes = [full_name(it, prefix) for it in (ESCALATIONS, RESULTS)]
    return find_days_min(
        fetch_lifetime_ms(context.kafka, [requests]), fetch_lifetime_ms(context.kafka, outcomes)
    )


def find_days_min(request_ms: int | None, outcome_ms: int | None) -> int:
    """Return how many days rows outlive a request and its outcome in Kafka; None: for ever.

    Raises:
        FatalError: one of them lives for ever.
    """
    if request_ms is None or outcome_ms is None:
        raise FatalError(
            "Kafka keeps requests, escalations or results for ever, so nothing may be deleted that "
            "the audit looks for: see `judgify topics check`"
        )
    return -(-(request_ms + outcome_ms) // DAY_MS) + MARGIN_DAYS


def summarize(pruning: Pruning) -> dict[str, Any]:
    """Return what `--json` prints after a prune."""
    return {
        "interrupted": pruning.stop.is_set(),
        "deleted": {
            it.table.name: {
                "rows": it.rows,
                "before": it.cutoff.isoformat(timespec="seconds"),
                "reusable_bytes": it.size_bytes,
                "slices": it.slices,
                "longest_slice_s": round(it.longest_slice_s, 3),
            }
            for it in pruning.tables
        },
    }


def describe(pruning: Pruning) -> Iterator[str]:
    """Yield what was deleted, and how much room it left, line by line."""
    for it in pruning.tables:
        before = it.cutoff.isoformat(sep=" ", timespec="minutes")
        yield f"{it.table.title:<14}{it.rows:,} from before {before} deleted{_describe_slices(it)}"
    room_bytes = sum(it.size_bytes for it in pruning.tables)
    if room_bytes:
        when = "will be, when PostgreSQL next vacuums," if pruning.stop.is_set() else "is"
        yield f"{size(room_bytes)} in the tables {when} free for new rows; files do not shrink"


def _describe_slices(pruned: Pruned) -> str:
    if not pruned.slices:
        return ""
    longest_ms = pruned.longest_slice_s * 1_000
    return f", in {pruned.slices:,} slices of at most {longest_ms:,.0f} ms"


def _print_expired(counts: dict[str, int], keep: Keep, *, as_json: bool) -> None:
    if as_json:
        print_json({"would_delete": counts})
        return
    say(
        f"kept: judgments {keep.judgments_days} days, dead letters {keep.dead_letters_days} days; "
        "nothing was deleted"
    )
    for title, count in counts.items():
        say(f"{title:<14}{count:,} would be")


@contextmanager
def _show_bar() -> Generator[ShowProgress]:
    """Show on a terminal how far each table is; the bar is time, from the oldest row on."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]:,}"))
    screen = console(stderr=True)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as bars:
        tasks: dict[str, Any] = {}

        def show(table: Table, rows: int, share: float) -> None:
            if table.title not in tasks:
                tasks[table.title] = bars.add_task(table.title, total=1.0, rows=0)
            bars.update(tasks[table.title], completed=share, rows=rows)

        yield show
