"""The workflow `test`, which a new stack has from the start: something to send a first event to."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from rules.workflow.reader import read_workflow
from schemas.workflow_record import Activation
from topics.registry import WORKFLOWS, full_name
from topics.workflow_feed import WorkflowFeed
from topics.workflow_publishing import publish_activation, publish_version

WORKFLOW_ID: Final = "test"
TENANT: Final = "default"
AUTHOR: Final = "judgify up"
READ_TIMEOUT_S: Final = 30.0


def publish_starter(bootstrap: str, topic_prefix: str) -> bool:
    """Publish and activate the workflow `test`, unless that was ever done; say whether it was now.

    A retired or changed one stays as it is. What a crash left half done is completed.

    Raises:
        DependencyError: the workflow topic cannot be read or written.
    """
    feed = WorkflowFeed(bootstrap, full_name(WORKFLOWS, topic_prefix))
    feed.start()
    try:
        feed.reader.require_caught_up(READ_TIMEOUT_S)
        versions = feed.book.versions(TENANT, WORKFLOW_ID)
        activations = feed.book.activations(TENANT, WORKFLOW_ID)
    finally:
        feed.stop()
    if activations:
        return False
    document = read_workflow(load_starter(), f"{WORKFLOW_ID}.yaml")
    if not versions:
        publish_version(bootstrap, topic_prefix, TENANT, document, author=AUTHOR)
    activation = Activation(
        tenant=TENANT, workflow_id=WORKFLOW_ID, version=document.version, author=AUTHOR
    )
    publish_activation(bootstrap, topic_prefix, activation)
    return True


def load_starter() -> str:
    """Return the workflow's text: from the installed package, or from the checkout it runs in."""
    packaged = Path(str(files("judgify"))) / "examples" / "test" / "workflow.yaml"
    beside = packaged.parents[3] / "examples" / "test" / "workflow.yaml"
    path = packaged if packaged.exists() else beside
    return path.read_text("utf-8")
