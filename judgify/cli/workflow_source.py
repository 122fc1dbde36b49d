"""Where a command gets its workflow from: a file, or a published version."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

from rich.text import Text

from judgify.cli.console import console
from judgify.cli.context import open_context
from judgify.cli.terminal_text import printable
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.problems import Problem, WorkflowErrors
from rules.workflow.reader import WorkflowDocument, read_workflow
from schemas.errors import FatalError

FILE_BYTES_MAX: Final = 1_048_576
"""Read of a workflow file before the reader refuses it; more is not even loaded."""
SUFFIXES: Final = (".yaml", ".yml", ".json")

_STYLES: Final = {"error": "bold red", "warning": "bold yellow"}


def read_document(path: Path) -> WorkflowDocument:
    """Return the workflow in the file.

    Raises:
        WorkflowErrors: All that is wrong with it.
        FatalError: There is no such file.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX)
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}") from error
    try:
        return read_workflow(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FatalError(f"{path}:{line}: not UTF-8; save it as UTF-8") from error


def load_workflow(
    reference: str, data_dir: Path | None, tenant: str = "default"
) -> CompiledWorkflow:
    """Return the workflow of a file, or of a published reference like `milling@active`.

    Raises:
        WorkflowErrors: The file is no sound workflow.
        PipelineError: There is no such file and no such version.
    """
    if is_file_reference(reference):
        return read_document(Path(reference)).compile()
    # Only a published version needs services, and their clients.
    from judgify.cli.published import load_published  # noqa: PLC0415 -- see above

    return load_published(open_context(data_dir), reference, tenant=tenant)


def is_file_reference(reference: str) -> bool:
    """Say whether the reference means a file: there is one, or it is called like one."""
    path = Path(reference)
    return path.suffix.lower() in SUFFIXES or path.is_file()


def resolve_reference(reference: str, workflow_id: str) -> str:
    """Return the reference with the workflow's name: `@active`, `14` and `0f3a` do without it."""
    if is_file_reference(reference) or "@" in reference[1:]:
        return reference
    return f"{workflow_id}@{reference.removeprefix('@')}"


def show_problems(problems: Iterable[Problem], severity: str = "error") -> None:
    """Print problems on stderr as a compiler does, in colours on a terminal."""
    screen = console(stderr=True)
    for problem in problems:
        head, *rest = problem.render(severity).split("\n")
        place, _, message = head.partition(f" {severity}: ")
        line = Text.assemble(
            (printable(place), "bold"), (f" {severity}: ", _STYLES[severity]), printable(message)
        )
        screen.print(line, soft_wrap=True)
        for each in rest:
            style = "green" if set(each.strip()) == {"^"} else ""
            screen.print(Text(printable(each), style=style), soft_wrap=True)


def refuse(errors: WorkflowErrors) -> NoReturn:
    """Show what is wrong with a workflow, and end with exit code 1."""
    show_problems(errors.problems)
    count = len(errors.problems)
    console(stderr=True).print(f"{count} {'error' if count == 1 else 'errors'}")
    sys.exit(1)
