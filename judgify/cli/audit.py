"""`judgify audit`: proves that no request was lost, or names those that were."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from judgify.cli.console import console, fail, print_json, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from schemas.errors import DependencyError
from sinks.postgres.audit import Audit, run_audit
from sinks.postgres.audit import Progress as ReportProgress

app = typer.Typer(add_completion=False)

EXIT_CANNOT_TELL: Final = 2
"""Apart from 1, which says that something is missing."""
SHOWN_MAX: Final = 10
"""Records named on the screen; `--json` names up to 100."""


@app.command()
def audit(
    *,
    timeout: Annotated[
        float, typer.Option(min=0, help="Longest wait for the lanes behind rule-agent, seconds.")
    ] = 60,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Account for every request that rule-agent has finished: judged, duplicate or buried.

    Exit 1 when a request is left over or was lost, 2 when that cannot be told: llm-agent or
    postgres-sink did not catch up within the timeout, Kafka or PostgreSQL does not answer.
    """
    context = open_context(data_dir)
    url, prefix = context.need_database(), context.settings.topic_prefix
    with _progress_bar() as progress:
        try:
            found = asyncio.run(
                run_audit(context.kafka, url, prefix, timeout_s=timeout, progress=progress)
            )
        except DependencyError as error:
            fail(f"cannot tell: {error}", code=EXIT_CANNOT_TELL)
    if as_json:
        print_json(summarize(found))
    else:
        say("\n".join(describe(found)))
    raise typer.Exit(0 if found.clean else 1)


def summarize(found: Audit) -> dict[str, object]:
    """Return the audit as JSON shows it."""
    losses = [asdict(loss) | {"at": loss.at.isoformat()} for loss in found.lost]
    return {"clean": found.clean, "records": found.records, **asdict(found), "lost": losses}


def describe(found: Audit) -> list[str]:
    """Return the audit in words, a line each."""
    lines = [
        f"{found.records:,} requests: "
        + ", ".join(
            (
                f"{found.judged:,} judged",
                f"{found.duplicates:,} duplicates",
                f"{found.buried:,} buried",
                f"{found.left_over:,} left over",
            )
        )
    ]
    if found.not_finished:
        lines.append(f"{found.not_finished:,} more wait for rule-agent and were not audited")
    lines += [f"left over: {origin}" for origin in found.left_over_at[:SHOWN_MAX]]
    if found.left_over > SHOWN_MAX:
        lines.append(f"… and {found.left_over - SHOWN_MAX:,} more (see --json)")
    lines += [
        f"lost: {loss.topic}/{loss.partition} from offset {loss.offset} "
        f"({loss.agent}, {loss.at:%Y-%m-%d %H:%M}): {loss.reason}"
        for loss in found.lost[:SHOWN_MAX]
    ]
    if found.clean:
        lines.append("nothing is left over, nothing was lost")
    elif found.left_over:
        lines.append("do: look at one with `judgify topics peek TOPIC/PARTITION/OFFSET`")
    return lines


@contextmanager
def _progress_bar() -> Generator[ReportProgress]:
    """Show a bar on stderr while it takes long; on a terminal only, gone afterwards."""
    columns = (TextColumn("auditing"), BarColumn(), MofNCompleteColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("auditing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
