"""`judgify judgments`: what is stored: lists it, shows one, explains it from version and input."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final

import orjson
import typer

from judgify.cli.console import print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.llm_use import describe_use
from judgify.cli.misuse import typed_by_user
from judgify.cli.since import SinceOption
from judgify.cli.stored import VERSION_SHOWN, find_one, load_workflow
from judgify.replay.wording import describe_judgment, describe_verdict, describe_why
from rules.language.trace import Explanation
from sinks.postgres.queries import (
    LIMIT_MAX,
    JudgmentFilter,
    Stored,
    fetch_duplicates,
    fetch_judgments,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, show and explain stored judgments."
)

INPUT_SHOWN_MAX: Final = 4_096
"""Characters of an event on the screen; `--json` shows all of it."""

Name = Annotated[str, typer.Argument(metavar="ID", help="A judgment's id, or a request's.")]
Tenant = Annotated[str, typer.Option(help="Whose request, when ID is a request's.")]
Workflow = Annotated[str | None, typer.Option(help="Only of this workflow.")]


@app.command("list")
def list_judgments(  # noqa: PLR0913 -- one parameter per option
    *,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    workflow: Workflow = None,
    verdict: Annotated[str | None, typer.Option(help="Only with this verdict.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only decided, undetermined, expired or error.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Only where this rule held.")] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Where the last list ended.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List judgments, the newest request first."""
    url = open_context(data_dir).need_database()
    wanted = JudgmentFilter(tenant, workflow, verdict, status, rule, since)
    with typed_by_user():
        page = asyncio.run(fetch_judgments(url, wanted, limit=limit, cursor=cursor))
    if as_json:
        print_json({"judgments": page.rows, "cursor": page.cursor})
        return
    if not page.rows:
        say("no such judgment is stored")
        return
    print_table(
        ("requested at", "workflow", "request", "verdict", "confidence", "why"),
        [
            (
                row["requested_at"], row["workflow_id"], row["request_id"], describe_verdict(row),
                row["confidence"], describe_why(row),
            )
            for row in page.rows
        ],
    )  # fmt: skip
    if page.cursor:
        say(f"more: --cursor {page.cursor}", style="dim")


@app.command()
def show(
    name: Name,
    *,
    tenant: Tenant = "default",
    workflow: Workflow = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a stored judgment, and the later records of its id."""
    url = open_context(data_dir).need_database()
    judgment = find_one(url, name, tenant, workflow)
    duplicates = asyncio.run(fetch_duplicates(url, judgment["judgment_id"]))
    if as_json:
        print_json(judgment | {"duplicates": duplicates})
    else:
        say("\n".join(_describe(judgment, duplicates)))


@app.command()
def explain(
    name: Name,
    *,
    tenant: Tenant = "default",
    workflow: Workflow = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Say in plain words why it came out so, from the version that judged and the input."""
    url = open_context(data_dir).need_database()
    judgment = find_one(url, name, tenant, workflow)
    explanation, number = _explain(url, judgment)
    if as_json:
        print_json(
            {"judgment": judgment, "version_number": number, "lines": explanation.lines()}
            | {"findings": asdict(explanation.findings)}
        )
        return
    say("\n".join(describe_judgment(judgment)))
    say()
    title = f"{judgment['workflow_id']}@{number} ({_short(judgment)})"
    say(f"what {title} finds in this input:")
    say("\n".join(f"  {line}" for line in explanation.lines()))
    if judgment["method"] != "rule":
        say("  the verdict came from the LLM: see `judgify judgments show`")


def _explain(url: str, judgment: Stored) -> tuple[Explanation, int]:
    """Return why the rules found what they found, and the number of their version.

    Ends the command when no version judged it, or the version is not stored.
    """
    workflow, number = load_workflow(url, judgment)
    return workflow.explain(judgment["input_data"]), number


def _describe(judgment: Stored, duplicates: list[dict[str, Any]]) -> Iterator[str]:
    origin = judgment["origin"]
    yield from describe_judgment(judgment)
    yield f"  judgment {judgment['judgment_id']} of request {judgment['request_id']}"
    test = ", a test" if judgment["test"] else ""
    how = f"method {judgment['method']}{test}, engine {judgment['engine']}"
    yield f"  tenant {judgment['tenant']}, {how}"
    yield f"  requested {judgment['requested_at']}, judged {judgment['judged_at']}"
    yield f"  request at {origin['topic']}/{origin['partition']}/{origin['offset']}"
    yield from describe_use(judgment)
    text = orjson.dumps(judgment["input_data"], option=orjson.OPT_INDENT_2).decode()
    cut = " … (see --json)" if len(text) > INPUT_SHOWN_MAX else ""
    yield f"input: {text[:INPUT_SHOWN_MAX]}{cut}"
    for later in duplicates:
        place = "{topic}/{partition}/{offset}".format(**later["origin"])
        how = "the same content" if later["same_content"] else "another verdict or input"
        yield f"duplicate at {place}: {how}, not stored"


def _short(judgment: Stored) -> str:
    return str(judgment["workflow_version"])[:VERSION_SHOWN]
