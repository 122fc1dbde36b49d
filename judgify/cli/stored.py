"""One stored judgment by its name, and the workflow that judged it."""

import asyncio
from typing import Final

from judgify.cli.console import fail
from judgify.replay.wording import describe_why
from rules.workflow.compiled import CompiledWorkflow, compile_workflow
from rules.workflow.problems import WorkflowErrors
from schemas.errors import FatalError, MessageError
from sinks.postgres.queries import Stored, fetch_version, find_judgments

VERSION_SHOWN: Final = 12


def find_one(url: str, name: str, tenant: str, workflow: str | None) -> Stored:
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


def load_workflow(url: str, judgment: Stored) -> tuple[CompiledWorkflow, int]:
    """Return the version that judged, compiled, and its number.

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
        return compile_workflow(document), number
    except WorkflowErrors as error:
        raise MessageError(
            "unreadable_version",
            f"this release cannot read version {version[:VERSION_SHOWN]} of {workflow_id}, which "
            f"release {judgment['engine']} judged by: {error}",
        ) from error
