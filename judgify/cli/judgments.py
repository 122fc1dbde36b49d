"""`judgify judgments`: what is stored: lists it, shows one, explains it from version and input."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final

import orjson
import typer

from judgify.cli.console import fail, print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.llm_use import describe_use
from judgify.cli.misuse import typed_by_user
from judgify.cli.since import SinceOption
from judgify.replay.wording import describe_judgment, describe_verdict, describe_why
from rules.language.trace import Explanation
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors
from schemas.errors import FatalError, MessageError
from sinks.postgres.queries import (
    LIMIT_MAX,
    JudgmentFilter,
    Stored,
    fetch_duplicates,
    fetch_judgments,
    fetch_version,
    find_judgments,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, show and explain stored judgments."
)

VERSION_SHOWN: Final = 12
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
    judgment = _find(url, name, tenant, workflow)
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
    judgment = _find(url, name, tenant, workflow)
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


def _find(url: str, name: str, tenant: str, workflow: str | None) -> Stored:
    """Return the one judgment of that name; end the command when there is none, or several."""
    found = asyncio.run(find_judgments(url, name, tenant=tenant, workflow_id=workflow))
    if not found:
        fail(
            f"no judgment {name} is stored for tenant {tenant}",
            hint="see whether it is still to be judged (judgify status), or was buried "
            "(judgify dead-letters list)",
        )
    if len(found) > 1:
        names = ", ".join(sorted(one["workflow_id"] for one in found))
        raise FatalError(f"several judgments have {name}: say --workflow, one of {names}")
    return found[0]


def _explain(url: str, judgment: Stored) -> tuple[Explanation, int]:
    """Return why the rules found what they found, and the number of their version.

    Ends the command when no version judged it, or the version is not stored.
    """
    workflow_id, version = judgment["workflow_id"], judgment["workflow_version"]
    if version is None:
        fail(f"no version judged it, there is nothing to explain: {describe_why(judgment)}")
    stored = asyncio.run(fetch_version(url, judgment["tenant"], workflow_id, version))
    if stored is None:
        fail(
            f"version {version[:VERSION_SHOWN]} of {workflow_id} is not stored yet",
            hint="see whether postgres-sink is running: judgify status",
        )
    document, number = stored
    try:
        return compile_workflow(document).explain(judgment["input_data"]), number
    except WorkflowErrors as error:
        raise MessageError(
            "unreadable_version",
            f"this release cannot read version {version[:VERSION_SHOWN]} of {workflow_id}, which "
            f"release {judgment['engine']} judged by: {error}",
        ) from error


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
