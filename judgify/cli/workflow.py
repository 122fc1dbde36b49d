"""`judgify workflow`: write, test, publish, activate and roll back workflows."""

import typer

from judgify.cli import workflow_local, workflow_published

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Write, test, publish, activate and roll back workflows.",
)
app.add_typer(workflow_local.app)
workflow_published.register(app)
