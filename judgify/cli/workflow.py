"""`judgify workflow`: write, test, compare, publish, activate and roll back workflows."""

import typer

from judgify.cli import workflow_diff, workflow_local, workflow_published

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Write, test, compare, publish, activate and roll back workflows.",
)
app.add_typer(workflow_local.app)
app.add_typer(workflow_diff.app)
workflow_published.register(app)
