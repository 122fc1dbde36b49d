"""`judgify workflow check | test | schema | new`: authoring, without any service."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from judgify.cli.console import print_json, say
from judgify.cli.draft import draft_from_csv, draft_template
from judgify.cli.workflow_source import read_document, refuse, show_problems
from rules.workflow.json_schema import document_schema
from rules.workflow.problems import Problem, WorkflowErrors
from rules.workflow.reader import WorkflowDocument
from rules.workflow.trials import TestResult, run_tests, unfired_rules
from schemas.errors import FatalError

SHORT_CHARS: Final = 12

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The workflow: YAML or JSON.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(file: File, *, as_json: Json = False) -> None:
    """Say what is wrong with a workflow, and which of its rules no test fires."""
    try:
        document = read_document(file)
    except WorkflowErrors as errors:
        if as_json:
            print_json(_checked(file, None, errors.problems, (), []))
            raise typer.Exit(1) from errors
        refuse(errors)
    compiled = document.compile()
    failures = [_as_problem(document, result) for result in _failed(run_tests(compiled))]
    unfired = unfired_rules(compiled)
    if as_json:
        print_json(_checked(file, document, failures, document.warnings, unfired))
        raise typer.Exit(1 if failures else 0)
    show_problems(document.warnings, "warning")
    if failures:
        refuse(WorkflowErrors(failures))
    say(f"{file}: ok, {describe(document)}")
    if unfired:
        say(f"no test fires {', '.join(unfired)}; add one under tests", style="yellow")


@app.command("test")
def run_own_tests(file: File, *, as_json: Json = False) -> None:
    """Run the workflow's own tests; exit 1 if one fails."""
    try:
        document = read_document(file)
    except WorkflowErrors as errors:
        refuse(errors)
    results = run_tests(document.compile())
    failed = _failed(results)
    if as_json:
        print_json({"id": document.id, "version": document.version, "tests": _told(results)})
        raise typer.Exit(1 if failed else 0)
    for result in results:
        say(f"{'ok  ' if result.passed else 'FAIL'} {result.name}", style=_style(result))
    if failed:
        show_problems(_as_problem(document, result) for result in failed)
    say(f"{len(results) - len(failed)} of {len(results)} tests pass")
    raise typer.Exit(1 if failed else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a workflow: editors complete and check with it."""
    print_json(document_schema())


@app.command()
def new(
    *,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.csv", help="Events to learn fields from.")
    ] = None,
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="Name of the workflow; by default the file's.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write there; by default print.")
    ] = None,
) -> None:
    """Draft a workflow, with the fields, types and ranges of a CSV file."""
    text = draft_template(workflow_id) if source is None else draft_from_csv(source, workflow_id)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise FatalError(f"{output} exists; choose another name") from error
    except OSError as error:
        raise FatalError(f"{output}: {error.strerror}") from error
    say(f"wrote {output}; try `judgify workflow check {output}`")


def describe(document: WorkflowDocument) -> str:
    """Return `milling 1041e4c96a91: 7 fields, 4 rules, 6 tests`."""
    parts = document.parts
    counts = ((len(parts.input), "field"), (len(parts.rules), "rule"), (len(parts.tests), "test"))
    shown = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    return f"{document.id} {document.version[:SHORT_CHARS]}: {shown}"


def _failed(results: list[TestResult]) -> list[TestResult]:
    return [result for result in results if not result.passed]


def _as_problem(document: WorkflowDocument, result: TestResult) -> Problem:
    """Return a failed test as a problem at the first expectation that does not hold."""
    said = "; ".join(difference.sentence for difference in result.differences)
    loc = ("tests", result.index, "expect", result.differences[0].key)
    reason = result.outcome.invalid
    hint = f"the input is invalid: {reason}" if reason else None
    return document.problem_at(loc, f"the test '{result.name}' fails: {said}", hint)


def _checked(
    file: Path,
    document: WorkflowDocument | None,
    problems: Any,
    warnings: Any,
    unfired: list[str],
) -> dict[str, Any]:
    return {
        "file": str(file),
        "ok": not problems,
        "id": document.id if document else None,
        "version": document.version if document else None,
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(warning) for warning in warnings],
        "unfired_rules": unfired,
    }


def _told(results: list[TestResult]) -> list[dict[str, Any]]:
    return [
        {
            "name": result.name,
            "passed": result.passed,
            "differences": [asdict(difference) for difference in result.differences],
            "outcome": result.outcome._asdict(),
        }
        for result in results
    ]


def _style(result: TestResult) -> str:
    return "green" if result.passed else "bold red"
