"""`judgify llm prompt`: the prompt that a judgment's question was asked with, made again."""

from typing import Annotated, Any

import typer

from agents.llm.prompt import PROMPT_VERSION, Prompt
from agents.llm.question import Unanswerable, remake_question
from agents.llm.repair import rebuild_prompt
from judgify.cli.console import fail, print_json, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.stored import find_one, load_workflow
from sinks.postgres.queries import Stored


def prompt(
    name: Annotated[str, typer.Argument(metavar="ID", help="A judgment's id, or a request's.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose request, when ID is one.")] = "default",
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make the prompt again from version and input; its hash must be the one that was recorded."""
    url = open_context(data_dir).need_database()
    judgment = find_one(url, name, tenant, workflow)
    if judgment["llm"] is None:
        fail("no LLM was asked about it", hint=f"judgify judgments show {name}")
    found = _rebuild(url, judgment)
    if as_json:
        print_json({"sha256": found.sha256, "system": found.system, "user": found.user})
        return
    say(f"# system, prompt version {PROMPT_VERSION}", style="bold")
    say(found.system)
    say("# user", style="bold")
    say(found.user)
    say(f"its SHA-256 is the recorded one: {found.sha256}", style="dim")


def _rebuild(url: str, judgment: Stored) -> Prompt:
    """Return the prompt whose hash was recorded; end the command when there is none."""
    use: dict[str, Any] = judgment["llm"]
    if use["prompt_version"] != PROMPT_VERSION:
        fail(
            f"it was asked with prompt version {use['prompt_version']}, this release makes "
            f"version {PROMPT_VERSION}",
            hint=f"use release {judgment['engine']}, which judged it",
        )
    compiled, _ = load_workflow(url, judgment)
    question = remake_question(judgment["input_data"], compiled)
    if isinstance(question, Unanswerable):
        fail(f"this event leads to no question: {question.reason}")
    found = rebuild_prompt(question, use["prompt_sha256"])
    if found is None:
        fail(
            f"no prompt of this event has the recorded hash {use['prompt_sha256']}: the row or the "
            "workflow is not what was judged",
            hint="judgify audit, and look who may write to the database",
        )
    return found
