"""`judgify doctor`: looks at everything Judgify stands on; says what is wrong and what to do."""

from collections.abc import Sequence
from typing import Any, Final

import typer
from rich.text import Text

from judgify.cli.console import EXIT_FAILURE, console, print_json
from judgify.cli.context import DataDir
from judgify.cli.json_option import Json
from judgify.cli.terminal_text import printable
from judgify.doctor.examine import Examined, examine
from judgify.doctor.finding import Finding, Level
from judgify.doctor.subject import open_subject

MARKS: Final[dict[Level, tuple[str, str]]] = {
    "ok": ("✓", "green"),
    "warn": ("!", "bold yellow"),
    "fail": ("✗", "bold red"),
    "skip": ("-", "dim"),
}
NAME_WIDTH: Final = 15

app = typer.Typer(add_completion=False)


@app.command()
def doctor(data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """Look at everything that Judgify stands on, and say what to do about it.

    Works with nothing running, and ends within 10 s whatever hangs. Exit code 1 when something
    fails. Measures the clocks with two records on the control topic that change nothing.
    """
    examined = examine(open_subject(data_dir))
    if as_json:
        print_json(summarize(examined))
    else:
        for check in examined:
            for finding in check.findings:
                console().print(describe(check.name, finding), soft_wrap=True)
        console().print(conclude(examined), soft_wrap=True)
    if any(check.failed for check in examined):
        raise typer.Exit(EXIT_FAILURE)


def describe(name: str, finding: Finding) -> Text:
    """Return the line of one finding."""
    mark, style = MARKS[finding.level]
    line = Text.assemble((f"{mark} ", style), (f"{name:<{NAME_WIDTH}}", "bold"))
    line.append(printable(finding.what), style="dim" if finding.level == "skip" else "")
    if finding.do:
        line.append(". Do: ", style="bold")
        line.append(printable(finding.do))
    return line


def conclude(examined: Sequence[Examined]) -> Text:
    """Return the last line: how many things are wrong."""
    levels = [finding.level for check in examined for finding in check.findings]
    fails, warnings = levels.count("fail"), levels.count("warn")
    if fails:
        return Text(f"{fails} to mend, {warnings} to look at", style="bold red")
    if warnings:
        return Text(f"nothing to mend, {warnings} to look at", style="bold yellow")
    return Text("Nothing is wrong.", style="bold green")


def summarize(examined: Sequence[Examined]) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "healthy": not any(check.failed for check in examined),
        "findings": [
            {
                "check": check.name,
                "level": finding.level,
                "what": finding.what,
                "do": finding.do or None,
            }
            for check in examined
            for finding in check.findings
        ],
    }
