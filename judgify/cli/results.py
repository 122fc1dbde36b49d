"""`judgify results`: what comes out, as it comes out."""

import sys
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, Final

import orjson
import typer

from judgify.cli.console import say
from judgify.cli.context import DataDir, open_context
from judgify.cli.terminal_text import printable, printable_json
from judgify.replay.following import Wanted, follow_results
from judgify.replay.interrupt import catch_interrupt
from judgify.replay.wording import describe_verdict, describe_why
from topics.registry import RESULTS, full_name

app = typer.Typer(no_args_is_help=True)

NAME_WIDTH: Final = 14


@app.callback()
def results() -> None:
    """Follow the results."""


@app.command()
def tail(  # noqa: PLR0913 -- one parameter per option
    *,
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only with this verdict.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only decided, undetermined, expired or error.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Everything that is kept, then what comes.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="End after so many.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Whole judgments, one JSON object per line.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Show each result as it comes, until Ctrl-C."""
    context = open_context(data_dir)
    topic = full_name(RESULTS, context.settings.topic_prefix)
    wanted = Wanted(workflow, verdict, status)
    with catch_interrupt() as stop:
        judgments = follow_results(
            context.kafka, topic, beginning=from_beginning, wanted=wanted, stop=stop
        )
        for judgment in islice(judgments, limit):
            show(judgment, as_json=as_json)


def show(judgment: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one judgment on one line."""
    if as_json:
        sys.stdout.write(printable_json(orjson.dumps(judgment).decode()) + "\n")
        sys.stdout.flush()
        return
    say(printable(describe_line(judgment)).replace("\n", " "))


def describe_line(judgment: Mapping[str, Any]) -> str:
    """Return time, workflow, verdict, request and reason."""
    names = (judgment["workflow_id"], describe_verdict(judgment))
    columns = "  ".join(f"{name:<{NAME_WIDTH}}" for name in names)
    return (
        f"{judgment['judged_at']}  {columns}  {judgment['request_id']:<36}  "
        f"{describe_why(judgment)}"
    )
